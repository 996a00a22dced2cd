import RestoreCommands

RestoreCommand.start()
