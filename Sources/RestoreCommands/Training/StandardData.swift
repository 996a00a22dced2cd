import RestoreFiles

/// A public data set that a training task uses unless `--data` is given.
struct StandardData: Sendable {
    /// "CIFAR-10".
    let name: String
    /// The folder that its archive unpacks to.
    let folder: String
    /// A file that is in it.
    let landmark: String
    /// What to download, and the official page that it is on.
    let download: String
    let page: String
    /// Completes "and … FOLDER".
    let placing: String

    static let cifar10 = StandardData(
        name: "CIFAR-10", folder: "cifar-10-batches-bin", landmark: "data_batch_1.bin",
        download: "the binary version (cifar-10-binary.tar.gz)", page: "https://www.cs.toronto.edu/~kriz/cifar.html",
        placing: "unpack it so that it is in")

    static let mnist = StandardData(
        name: "MNIST", folder: "mnist", landmark: "train-images-idx3-ubyte",
        download: "its four files, train-images-idx3-ubyte.gz and so on", page: "https://yann.lecun.com/exdb/mnist/",
        placing: "put them, packed or not, in")

    /// Where it is looked for: `$RESTORE_DATA`, then `$XDG_DATA_HOME/restore/data`, which is `~/.local/share/restore/data`
    /// by default.
    func places(environment: (String) -> String?) -> [String] {
        var places: [String] = []
        if let path = environment("RESTORE_DATA"), !path.isEmpty { places.append(path) }
        if let path = environment("XDG_DATA_HOME"), !path.isEmpty {
            places.append(joinPath(path, "restore/data"))
        } else if let home = environment("HOME"), !home.isEmpty {
            places.append(joinPath(home, ".local/share/restore/data"))
        }
        return places
    }

    /// The folder with the data.
    ///
    /// - Throws: `UsageError` saying what to download and where to put it.
    func find(environment: (String) -> String?) throws(UsageError) -> String {
        let places = places(environment: environment)
        for place in places {
            let path = joinPath(place, folder)
            // Packed or not.
            let isThere = ["", ".gz"].contains { pathKind(joinPath(path, landmark + $0)) == .regularFile }
            if isThere { return path }
        }
        let target = places.last.map { joinPath($0, folder) } ?? folder
        throw UsageError(
            description: """
                no --data, and \(name) is not in \(places.joined(separator: " or ")); download \(download) from \(page) and \
                \(placing) \(target), or give --data
                """)
    }
}
