/// Files that tests read, found from where this source file stands.
package enum Fixtures {
    /// The folder `Fixtures` of the package.
    package static let folder: String = {
        var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        parts.removeLast(3)
        return parts.joined(separator: "/") + "/Fixtures"
    }()

    package static func path(_ name: String) -> String {
        "\(folder)/\(name)"
    }
}
