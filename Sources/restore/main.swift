import RestoreCommands

RestoreCommand.main()
