--[[
Denoises pictures that darktable exports, with the program restore.

For every storage and for darktable-cli: each PNG or JPEG file is denoised between its export and its storage. In
darktable it is switched on and off under Preferences › Lua options. A picture that cannot be denoised is exported as it is, with a message.
]]

local dt = require "darktable"

local MODULE = "restore"

-- darktable-cli has no preferences of scripts. Loading this script there asks for denoising, and the environment may name
-- the program and its options.
local settings = {}
if dt.configuration.has_gui then
  dt.preferences.register(MODULE, "denoise", "bool", "restore: denoise exported pictures",
    "PNG and JPEG exports are denoised by the program restore", false)
  dt.preferences.register(MODULE, "program", "string", "restore: program", "the program's name or path", "restore")
  dt.preferences.register(MODULE, "options", "string", "restore: options",
    "further options of restore denoise, such as --strength 0.7", "")
  function settings.isOn() return dt.preferences.read(MODULE, "denoise", "bool") end
  function settings.program() return dt.preferences.read(MODULE, "program", "string") end
  function settings.options() return dt.preferences.read(MODULE, "options", "string") end
else
  function settings.isOn() return true end
  function settings.program() return os.getenv("RESTORE_PROGRAM") or "" end
  function settings.options() return os.getenv("RESTORE_OPTIONS") or "" end
end

-- A word for the shell.
local function quoted(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function say(message)
  dt.print_error("restore: " .. message)
  dt.print("restore: " .. message)
end

local function run(command)
  local ok, _, code = os.execute(command)
  return ok == true, code
end

local function denoise(_, _, filename)
  if not settings.isOn() then return end
  local stem, extension = filename:match("^(.*)(%.[^.]*)$")
  if not extension or not ({[".png"] = true, [".jpg"] = true, [".jpeg"] = true})[extension:lower()] then
    say(filename .. ": only PNG and JPEG exports are denoised")
    return
  end
  local program = settings.program()
  if program == "" then program = "restore" end
  local result = stem .. ".restored" .. extension
  -- Options are several words, so they are not quoted.
  local ok, code = run(table.concat({quoted(program), "denoise --quiet --overwrite --progress none",
    settings.options(), "-i", quoted(filename), "-o", quoted(result)}, " "))
  if not ok then
    os.remove(result)
    say(filename .. ": exported with its noise; restore ended with code " .. tostring(code))
    return
  end
  local renamed, reason = os.rename(result, filename)
  if not renamed then
    os.remove(result)
    say(filename .. ": exported with its noise; " .. tostring(reason))
  end
end

-- Between the export and the storage of each picture.
dt.register_event(MODULE, "intermediate-export-image", denoise)
