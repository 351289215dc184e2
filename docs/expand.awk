# expand.awk - replace each line "@include FILE" by FILE, from the folder of the
# page.  What several pages share is in common/ once.
/^@include / {
    dir = FILENAME
    if (!sub ("/[^/]*$", "", dir))
        dir = "."
    path = dir "/" $2
    while ((rc = (getline line < path)) > 0)
        print line
    if (rc < 0) {
        print FILENAME ": no " path > "/dev/stderr"
        exit 1
    }
    close (path)
    next
}
{ print }
