--[[
Denoises pictures that darktable exports, with the program restore.

For every storage and for darktable-cli: each PNG or JPEG file is denoised between its export and its storage. Switched on
and off under Preferences › Lua options. A picture that cannot be denoised is exported as it is, with a message.
]]

local dt = require "darktable"

local MODULE = "restore"

dt.preferences.register(MODULE, "denoise", "bool", "restore: denoise exported pictures",
  "PNG and JPEG exports are denoised by the program restore", false)
dt.preferences.register(MODULE, "program", "string", "restore: program",
  "the program's name or path", "restore")
dt.preferences.register(MODULE, "options", "string", "restore: options",
  "further options of restore denoise, such as --strength 0.7", "")

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
  if not dt.preferences.read(MODULE, "denoise", "bool") then return end
  local stem, extension = filename:match("^(.*)(%.[^.]*)$")
  if not extension or not ({[".png"] = true, [".jpg"] = true, [".jpeg"] = true})[extension:lower()] then
    say(filename .. ": only PNG and JPEG exports are denoised")
    return
  end
  local program = dt.preferences.read(MODULE, "program", "string")
  if program == "" then program = "restore" end
  local result = stem .. ".restored" .. extension
  -- Options are several words, so they are not quoted.
  local ok, code = run(table.concat({quoted(program), "denoise --quiet --overwrite --progress none",
    dt.preferences.read(MODULE, "options", "string"), "-i", quoted(filename), "-o", quoted(result)}, " "))
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
