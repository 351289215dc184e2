#!/usr/bin/env bats
# plugins and scripts of the job shell

load common

in_flux() {
    cat >script
    run start_flux $1 bash -ex script
    [ "$status" -eq 0 ] || echo "$output"
}

setup() {
    cd "$BATS_TEST_TMPDIR"
    export PATH="$FLUX_BUILD/tests:$PATH" TESTS="$FLUX_BUILD/tests" FLUX_TOP
}

@test "a C plugin, loaded by a script" {
    cat >rc.lua <<END
plugin.load { file = "$FLUX_BUILD/tests/shellplugin.so", conf = { level = 2, list = { "a", "b" } } }
END
    in_flux 2 <<'END'
flux run -N2 -n2 -o userrc=rc.lua -o testplugin.word=up -l sh -c 'echo $TESTPLUGIN; umask' >out 2>err
test "$(sort out)" = "$(printf '0: 0.0\n0: 0123\n1: 0123\n1: 1.0')"
! grep "not known" err    # the plugin asks for its option
grep -q 'flux-shell\[1\]: testplugin: shell 1 of 2, 2 tasks, word=up, conf={.*"list": *\["a", *"b"\]' err
grep -q 'flux-shell\[0\]: testplugin: all tasks are done' err
flux job eventlog -p guest.exec.eventlog $(flux job last) | grep 'shell.init.*testplugin="here"'
printf 'local mine = shell.options.mine\n' >asks.lua; flux run -o userrc=asks.lua -o mine.a=1 true 2>err; test ! -s err
printf 'for k in pairs (shell.options) do end\n' >asks.lua; flux run -o userrc=asks.lua -o mine true 2>err; test ! -s err
printf 'local other = shell.options.other\n' >asks.lua; flux run -o userrc=asks.lua -o mine true 2>err; grep -q "'mine' is not known" err
flux run -N2 -n2 -o userrc=rc.lua --taskmap=swap true 2>/dev/null
test "$(flux job taskmap --to=raw $(flux job last))" = "1;0"
flux run -o userrc=rc.lua echo '{{testtag}}' 2>/dev/null | grep -qx rendered
rc=0; flux run -o userrc=rc.lua -o testplugin.fail true 2>err || rc=$?
test $rc = 1; grep -q 'told to fail' err
id=$(flux submit --requires=rank:0 -o userrc=rc.lua sleep 100); flux job wait-event -t 10 -p guest.exec.eventlog $id shell.init >/dev/null
rpc $(id -u)-shell-$(flux job id --to=f58plain $id).echo '{"a":1}' | grep -q '"echo": *{"a": *1}'
flux cancel $id
END
    [ "$status" -eq 0 ]
}

@test "a follower that ends early is not waited for by the leader" {
    cat >rc.lua <<'END'
plugin.register { name = "early", handlers = { { topic = "shell.post-init", fn = function ()
    if shell.info.rank == 1 then shell.die ("no more") end
end } } }
END
    in_flux 2 <<'END'
t0=$(date +%s%3N)
! flux run -N2 -n2 -o userrc=rc.lua sleep 100 2>err
ms=$(($(date +%s%3N) - t0))
grep -q 'no more' err
test $ms -lt 4000    # kill-timeout is 5 s, exit-timeout 30 s
END
    [ "$status" -eq 0 ]
}

@test "what a follower logs before its leader is there is not lost" {
    cat >rc.lua <<'END'
if shell.info.rank == 1 then
    plugin.register { name = "first", handlers = { { topic = "shell.init", fn = function ()
        shell.log_error ("here before you")
        io.open (shell.options.there, "w"):close ()
    end } } }
end
END
    cat >late.sh <<'END'
#!/bin/bash
# Shell 0 begins when shell 1 is ready for it.
until test "$(flux getattr rank)" = 1 || test -f there; do :; done
exec flux-shell "$@"
END
    chmod +x late.sh
    in_flux 2 <<'END'
flux run -N2 -n2 -Sexec.job_shell=$PWD/late.sh -o userrc=rc.lua -o there=$PWD/there echo done >out 2>err
test "$(uniq out)" = done
grep -q 'flux-shell\[1\]: ERROR: here before you' err
END
    [ "$status" -eq 0 ]
}

@test "a C plugin compiled here, against the headers alone" {
    command -v cc >/dev/null || skip "no compiler"
    cc -shared -fPIC -Wall -Werror -I"$FLUX_TOP/include" -o mine.so "$FLUX_TOP/tests/shellplugin.c"
    echo "plugin.load '$PWD/mine.so'" >rc.lua
    in_flux 1 <<'END'
flux run -o userrc=rc.lua sh -c 'echo $TESTPLUGIN' 2>/dev/null | grep -qx 0.0
END
    [ "$status" -eq 0 ]
}

@test "plugins that cannot be loaded" {
    in_flux 1 <<'END'
try() { echo "$1" >rc.lua; rc=0; flux run -o userrc=rc.lua true 2>err || rc=$?; test $rc = 1; grep -q "$2" err; }
try 'plugin.load "/no/such/plugin.so"' 'no such shell plugin'
try 'plugin.load "nosuch.so"' 'no such shell plugin'
echo text >bad.so
try "plugin.load '$PWD/bad.so'" 'bad.so'
try 'plugin.load {conf = {}}' 'needs the key file'
try 'plugin.load ()' 'rc.lua:1'
try 'plugin.register {}' 'plugin.register: want'
try 'plugin.register {name = "x", handlers = {{topic = "a"}}}' 'plugin.register: want'
try 'x = = 1' 'rc.lua:1'
try 'error "my own"' 'my own'
try 'shell.die "no more"' 'no more'
try 'shell.options.verbose = 3' 'read-only'
try 'source "/no/such/file.lua"' 'No such file'
try 'task.setenv ("A", "b")' 'task is only there'
try 'shell.get_rankinfo (77)' 'no shell rank 77'
try 'shell.options.x = print' 'cannot be used'
echo 'plugin.load "nosuch*.so"' >rc.lua; flux run -o userrc=rc.lua true
rc=0; flux run -o userrc=/no/such/file true 2>err || rc=$?; test $rc = 1; grep -q '/no/such/file: No such file' err
rc=0; flux run -o initrc=/no/such/file true 2>err || rc=$?; test $rc = 1
END
    [ "$status" -eq 0 ]
}

@test "Lua: information, options, environment" {
    cat >rc.lua <<'END'
local info = shell.info
shell.log (string.format ("job %d shell %d of %d tasks %d owner %s service %s", info.jobid, info.rank, info.size, info.ntasks, info.instance_owner, info.service))
assert (info.jobspec.tasks[1].command[1] == "sh")
assert (info.R.version == 1)
assert (info.options.greeting == "hello")
local r = shell.rankinfo
assert (r.id == info.rank and r.ntasks == 2 and r.resources.ncores >= 1 and r.broker_rank == info.rank)
assert (shell.get_rankinfo (1).taskids == "2-3")
assert (shell.options.nothing == nil)
assert (shell.options.verbose == 0 and shell.verbose == 0)
assert (shell.options.deep.list[2] == 7)
shell.options.mine = { a = 1, b = { true, "x" } }
assert (shell.options.mine.b[2] == "x")
shell.options.mine = nil
assert (shell.options.mine == nil)
local seen = {}
for k in pairs (shell.options) do seen[k] = true end
assert (seen.greeting and seen.deep)
assert (shell.getenv ("UNSET_ONE") == nil)
assert (shell.getenv ("SET_ONE") == "1" and shell.getenv ().SET_ONE == "1")
shell.setenv ("SET_ONE", "2", false)
assert (shell.getenv ("SET_ONE") == "1")
shell.setenv ("SET_ONE", 3)
shell.setenv ("GONE", "x")
shell.unsetenv ("GONE")
shell.setenv ("FOO_A", 1) shell.setenv ("FOO_B", 1) shell.setenv ("BAR_A", 1) shell.setenv ("XFOO_", 1)
shell.env_strip ("^FOO_", "^BAR_")
shell.prepend_path ("MYPATH", "/b") shell.prepend_path ("MYPATH", "/a")
local mpi, version = shell.getopt_with_version ("mpi")
assert (mpi == "openmpi" and version == "5")
assert (shell.getopt_with_version ("greeting") == "hello")
shell.debug ("not shown")
shell.log_error ("an error")
assert (plugin.searchpath:match ("/"))
plugin.searchpath = plugin.searchpath .. ":/opt/x"
assert (plugin.searchpath:match (":/opt/x$"))
END
    in_flux 2 <<'END'
export SET_ONE=1
flux run -N2 -n4 -o userrc=rc.lua -o greeting=hello -o 'deep={"list":[3,7]}' -o mpi=openmpi@5 sh -c 'echo $SET_ONE,$GONE,$FOO_A$FOO_B$BAR_A,$XFOO_,$MYPATH' >out 2>err
test "$(uniq out)" = '3,,,1,/a:/b'
grep -q "job $(flux job id --to=dec $(flux job last)) shell 1 of 2 tasks 4 owner $(id -u) service $(id -u)-shell-" err
grep -q 'flux-shell\[0\]: ERROR: an error' err
! grep -q 'not shown' err
flux run -o verbose -o userrc=<(echo 'shell.debug "shown"; assert (shell.options.verbose == 1)') true 2>err || cat err
END
    [ "$status" -eq 0 ]
}

@test "Lua: plugins" {
    cat >rc.lua <<'END'
local n = 0
plugin.register {
    name = "counter",
    handlers = {
        { topic = "task.init", fn = function () n = n + 1; task.setenv ("N", n); task.unsetenv ("ZAP")
              assert (task.getenv ("N") == tostring (n) and task.info.pid == nil) end },
        { topic = "task.exec", fn = function () assert (task.info.rank) end },
        { topic = "task.fork", fn = function (topic) assert (topic == "task.fork" and task.info.pid > 1) end },
        { topic = "task.exit", fn = function () shell.log ("exit " .. task.info.exitcode .. " " .. tostring (task.info.signaled)) end },
        { topic = "shell.start", fn = function () shell.log ("started " .. n .. " tasks") end },
    }
}
plugin.register { handlers = { { topic = "shell.*", fn = function (t) if t ~= "shell.log" then shell.log ("seen " .. t) end end } } }
END
    in_flux 1 <<'END'
ZAP=1 flux run -N1 -n2 -l -o userrc=rc.lua sh -c 'echo $N$ZAP; test $FLUX_TASK_RANK = 0 || kill -TERM $$' >out 2>err || test $? = 143
test "$(sort out)" = "$(printf '0: 1\n1: 2')"
for text in 'started 2 tasks' 'exit 0 nil' 'exit 143 15' 'seen shell.init' 'seen shell.post-init' 'seen shell.finish' 'seen shell.exit'; do
    grep -q "flux-shell\[0\]: $text" err
done
echo 'plugin.register {name="bad", handlers = {{topic="shell.init", fn = function () error "oops" end}}}' >rc2.lua
! flux run -o userrc=rc2.lua true 2>err; grep -q 'bad: shell.init: .*oops' err
echo 'plugin.register {name="bad", handlers = {{topic="task.init", fn = function () return -1 end}}}' >rc2.lua
! flux run -o userrc=rc2.lua true 2>err; grep -q 'task.init failed' err
# one that replaces a built-in
echo 'plugin.register {name="pmi-simple", handlers = {}}' >rc2.lua
! flux run -o userrc=rc2.lua pmitest exchange 2>/dev/null
END
    [ "$status" -eq 0 ]
}

@test "where scripts are found; options a site sets" {
    mkdir -p rc/mpi rc2
    echo 'shell.setenv ("SITE", (shell.getenv ("SITE") or "") .. "1")' >rc/10.lua
    echo 'shell.setenv ("SITE", shell.getenv ("SITE") .. "2")' >rc/20.lua
    echo 'shell.setenv ("SITE", shell.getenv ("SITE") .. "3")' >rc2/10.lua
    echo 'shell.setenv ("MPI", "old")' >rc/mpi/openmpi.lua
    echo 'shell.setenv ("MPI", "five")' >rc/mpi/openmpi@5.lua
    echo 'if shell.options["exit-timeout"] == nil then shell.options["exit-timeout"] = "none" end
shell.options["signal"] = { signum = 10, timeleft = "1h" }
source_if_exists "/no/such/file.lua"' >rc/30.lua
    in_flux 1 <<'END'
export FLUX_SHELL_RC_PATH=$PWD/rc:$PWD/rc2
flux run sh -c 'echo $SITE,$MPI' | grep -qx 123,
flux run -o mpi=openmpi@5 sh -c 'echo $SITE,$MPI' | grep -qx 123,five
flux run -o mpi=openmpi sh -c 'echo $SITE,$MPI' | grep -qx 123,old
flux run -o mpi=unknown sh -c 'echo $SITE,$MPI' | grep -qx 123,
# the same by the default script
flux run -o initrc=$FLUX_TOP/src/shell/initrc.lua -o mpi=openmpi@5 sh -c 'echo $SITE,$MPI' | grep -qx 123,five
flux run -o initrc=$FLUX_TOP/src/shell/initrc.lua -o userrc=<(echo 'shell.setenv ("U", "user")') sh -c 'echo $U$SITE' | grep -qx user123 || true
echo 'shell.setenv ("U", "user")' >u.lua
flux run -o initrc=$FLUX_TOP/src/shell/initrc.lua -o userrc=u.lua sh -c 'echo $U$SITE' | grep -qx user123
flux run -o userrc=u.lua sh -c 'echo $U$SITE' | grep -qx user123
END
    [ "$status" -eq 0 ]
}

@test "a signal while shells wait for one another" {
    echo 'if shell.info.rank == 1 then local f = io.open ("waiting", "w") f:close () while not io.open ("go") do os.execute ("sleep 0.05") end end' >rc.lua
    in_flux 2 <<'END'
id=$(flux submit -N2 -o userrc=rc.lua true)
for i in $(seq 300); do test -e waiting && break; sleep 0.02; done
flux cancel $id
touch go
flux job wait-event -t 10 $id clean >/dev/null
END
    [ "$status" -eq 0 ]
}

@test "conf.shell_pluginpath and conf.shell_initrc, also at run time" {
    mkdir -p plugins
    cp "$FLUX_BUILD/tests/shellplugin.so" plugins/
    echo 'shell.setenv ("SITE", "own")' >site.lua
    in_flux "1 -Sconf.shell_pluginpath=$PWD/plugins" <<'END'
flux run sh -c 'echo $TESTPLUGIN' 2>/dev/null | grep -qx 0.0
flux setattr conf.shell_pluginpath /nowhere
test -z "$(flux run sh -c 'echo $TESTPLUGIN')"
flux setattr conf.shell_initrc $PWD/site.lua
flux run sh -c 'echo $SITE' | grep -qx own
flux setattr conf.shell_initrc /no/such/initrc.lua
! flux run true 2>err; grep -q '/no/such/initrc.lua: No such file' err
flux run -o initrc=site.lua sh -c 'echo $SITE' | grep -qx own
END
    [ "$status" -eq 0 ]
}

@test "the functions of flux/shell.h do what their pages say, also with wrong arguments" {
    echo "plugin.load { file = '$FLUX_BUILD/tests/shellapi.so' }" >rc.lua
    run start_flux 1 flux run -n1 -o userrc=rc.lua -o shellapi.a=7 --output=out sh -c 'echo hi; exit 3'
    echo "$output"
    [ "$status" -eq 3 ]
    [ "$(cat out)" = "0: hi" ]
    [[ "$output" != *"does not hold"* ]]
    [[ "$output" == *"shell.init: 1"*"task.init: 1"*"task.fork: 1"*"task.exit: 1"*" statements"* ]]
}
