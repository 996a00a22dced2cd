import ArgumentParser
import RestoreFiles
import RestoreImage

/// A contact sheet of what is evaluated.
struct SheetOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("Write a sheet of the first pictures, one row each.", valueName: "file.png"),
        completion: .pictures)
    var sheet: String?

    @Option(help: ArgumentHelp("Number of pictures on the sheet.", valueName: "number"))
    var sheetRows = 24

    @Flag(help: "Replace files that exist.")
    var overwrite = false

    func validate() throws {
        guard (1...1000).contains(sheetRows) else { throw ValidationError("--sheet-rows takes 1 to 1000.") }
    }

    /// Before the work starts.
    func check() throws {
        guard let sheet else { return }
        try OutputPlan.requireName(sheet)
        try OutputPlan.requireReplaceable(sheet, overwrite: overwrite)
        try OutputPlan.requireFolder(parentFolder(of: sheet), for: sheet)
        _ = try encoding(sheet)
    }

    func write(_ rows: [[Image]]) throws {
        var contacts = ContactSheet()
        for row in rows { contacts.add(row) }
        guard let sheet, let image = contacts.image else { return }
        try writeImage(image, to: sheet, encoding: encoding(sheet), overwrite: overwrite)
    }

    private func encoding(_ path: String) throws(ImageError) -> ImageEncoding {
        try OutputPlan.encoding(for: path, format: nil, input: .png, quality: nil)
    }
}
