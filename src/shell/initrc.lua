-- The default initrc of flux-shell (flux-shell-initrc(5)).
--
-- The shell does just this by itself where there is no initrc, without Lua.  Copy
-- it to initrc.lua to change it.

-- Load all plugins in plugin.searchpath
plugin.load { file = "*.so", conf = {} }

-- Source all files in lua.d beside this one, and in FLUX_SHELL_RC_PATH
shell.source_rcpath ("*.lua")

-- With -o mpi=NAME[@VERSION], source mpi/NAME[@VERSION].lua
shell.source_rcpath_option ("mpi")

-- With -o userrc=FILE, source FILE
if shell.options.userrc then source (shell.options.userrc) end
