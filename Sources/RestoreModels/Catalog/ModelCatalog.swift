import RestoreFiles
import RestoreNN

/// The installed models: folders `<name>/` with `model.safetensors` and a model card.
public struct ModelCatalog: Sendable {
    /// Folders in the order in which they are searched.
    public let folders: [String]

    public init(folders: [String]) {
        self.folders = folders
    }

    /// The folders that the program searches: `modelsDirectory`, `$RESTORE_MODELS`, `$XDG_DATA_HOME/restore/models`,
    /// `<executable>/../share/restore/models`, and `Models/` of the source checkout that the executable was built in.
    public static func standard(
        modelsDirectory: String?, executablePath: String, environment: (String) -> String?
    ) -> ModelCatalog {
        var folders: [String] = []
        if let modelsDirectory { folders.append(modelsDirectory) }
        if let path = environment("RESTORE_MODELS"), !path.isEmpty { folders.append(path) }
        if let path = environment("XDG_DATA_HOME"), !path.isEmpty {
            folders.append(joinPath(path, "restore/models"))
        } else if let home = environment("HOME"), !home.isEmpty {
            folders.append(joinPath(home, ".local/share/restore/models"))
        }
        var folder = parentFolder(of: executablePath)
        folders.append(joinPath(parentFolder(of: folder), "share/restore/models"))
        // A checkout is recognized by its manifest, a few folders above .build/<triple>/release/restore.
        for _ in 0..<5 {
            folder = parentFolder(of: folder)
            if pathKind(joinPath(folder, "Package.swift")) == .regularFile,
                pathKind(joinPath(folder, "Models")) == .directory
            {
                folders.append(joinPath(folder, "Models"))
                break
            }
        }
        return ModelCatalog(folders: folders)
    }

    /// A model in the catalog, not yet loaded.
    public struct Entry: Equatable, Sendable {
        public let name: String
        public let path: String
    }

    /// All models. If several folders contain the same name, the first one wins.
    public func list() -> [Entry] {
        var entries: [Entry] = []
        for folder in folders where pathKind(folder) == .directory {
            // A folder that cannot be read is skipped.
            let files = try? listFilesRecursively(
                folder, passOver: { _ in }, where: { pathExtension(of: $0) == "safetensors" })
            for path in files ?? [] {
                let name = lastPathComponent(of: parentFolder(of: path))
                guard path == Self.modelPath(folder, name), !entries.contains(where: { $0.name == name }) else {
                    continue
                }
                entries.append(Entry(name: name, path: path))
            }
        }
        return entries.sorted { $0.name < $1.name }
    }

    /// The file of a model, given by name or by path. A path is anything with a slash or a weight file's extension, or
    /// a folder that contains a model, or a training run, whose best model it then is.
    ///
    /// - Throws: `ModelError.notFound`, or `.weights` for a folder without a model.
    public func find(_ nameOrPath: String) throws(ModelError) -> Entry {
        if nameOrPath.contains("/") || nameOrPath.hasSuffix(".safetensors") {
            if pathKind(nameOrPath) == .directory { return try Self.entry(inFolder: nameOrPath) }
            return Entry(name: nameOrPath, path: nameOrPath)
        }
        for folder in folders {
            let path = Self.modelPath(folder, nameOrPath)
            if pathKind(path) == .regularFile { return Entry(name: nameOrPath, path: path) }
        }
        if pathKind(nameOrPath) == .directory { return try Self.entry(inFolder: nameOrPath) }
        throw .notFound(name: nameOrPath, searched: folders)
    }

    private static func entry(inFolder folder: String) throws(ModelError) -> Entry {
        let paths = ["model.safetensors", "best.safetensors"].map { joinPath(folder, $0) }
        guard let path = paths.first(where: { pathKind($0) != .missing }) else {
            let reason = "it is a folder without a model.safetensors or a run's best.safetensors; give the model's file"
            throw .weights(.file(.unreadable(path: folder, reason: reason)))
        }
        return Entry(name: folder, path: path)
    }

    private static func modelPath(_ folder: String, _ name: String) -> String {
        joinPath(joinPath(folder, name), "model.safetensors")
    }
}
