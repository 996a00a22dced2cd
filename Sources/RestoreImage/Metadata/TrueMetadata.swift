import RestoreConcurrency

// What processing makes untrue in a picture's metadata is edited where it stands; all else stays byte for byte.

extension ImageMetadata {
    /// How the stored rows and columns belong, 1…8: as EXIF says, else 1.
    ///
    /// What XMP says alone does not count: browsers, libvips and nearly all viewers turn by EXIF only, so that hardly anybody has
    /// seen the picture turned.
    public var orientation: Int { exif.flatMap { TIFFBlock($0) }?.orientation ?? 1 }

    /// Whether EXIF has an orientation, be it an absurd one: then XMP's is only a copy.
    private var hasOrientation: Bool { exif.flatMap { TIFFBlock($0) }?.hasOrientation ?? false }

    /// The metadata of the picture after it was turned upright: orientation 1, its sides, resolutions exchanged where width and
    /// height were, faces and subjects where they are now, and no thumbnails, for these show the picture as it was.
    ///
    /// An orientation that XMP alone has stays where nothing was turned: the output means as much as the input did.
    ///
    /// A damaged EXIF block is kept: of what a reader might still find in it, the orientation is set as elsewhere.
    ///
    /// - Parameters:
    ///   - orientation: by which it was turned, 1…8.
    ///   - width: of the upright picture in pixels.
    ///   - height: of the upright picture in pixels.
    public func upright(from orientation: Int, width: Int, height: Int) -> ImageMetadata {
        let turn = CoordinateTurn(orientation: orientation, uprightWidth: width, height: height)
        let isTransposed = turn.isTransposed
        var result = self
        if let exif, var block = TIFFBlock(exif) {
            // First, so that in a malformed block it cannot undo the rest.
            block.turnSubject(turn)
            block.makeUpright(width: width, height: height, isTransposed: isTransposed)
            block.dropThumbnail()
            result.exif = block.bytes
        }
        let isOriented = orientation > 1 || hasOrientation
        result.editXMP { packet in
            if isOriented { packet.set("tiff:Orientation", to: [UInt8(ascii: "1")]) }
            packet.makeUpright(width: width, height: height, isTransposed: isTransposed)
            packet.turnPlaces(turn)
            packet.dropPointersToWhatIsNotKept()
        }
        if let photoshop {
            var resources = PhotoshopResources(photoshop)
            resources.drop(.oldThumbnail, .thumbnail)
            if isTransposed { resources.exchangeResolutions() }
            result.photoshop = resources.bytes
        }
        if isTransposed, let resolution {
            result.resolution = Resolution(x: resolution.y, y: resolution.x, unit: resolution.unit)
        }
        return result
    }

    /// The metadata of the picture after its colors became sRGB of another model, as CMYK becomes RGB and gray becomes
    /// color: without the profile and the chunks that described what was, and with EXIF and XMP saying sRGB where they said
    /// something.
    public var describingSRGB: ImageMetadata {
        var result = self
        result.colorProfile = nil
        result.pngColor = nil
        if let exif, var block = TIFFBlock(exif) {
            block.declareSRGB()
            result.exif = block.bytes
        }
        result.editXMP { $0.declareSRGB() }
        if let photoshop {
            var resources = PhotoshopResources(photoshop)
            resources.drop(.colorProfile)
            result.photoshop = resources.bytes
        }
        return result
    }

    private mutating func editXMP(_ change: (inout XMPPacket) -> Void) {
        guard var main = xmp else { return }
        ExtendedXMP.edit(main: &main, parts: &extendedXMP, change)
        xmp = main
    }

    /// What the pixels need to be seen as they are meant, and nothing else: the color space, and the resolution where it says
    /// that pixels are not square.
    public var stripped: ImageMetadata {
        let shape = resolution.flatMap { $0.x == $0.y ? nil : Resolution(x: $0.x, y: $0.y, unit: .none) }
        return ImageMetadata(colorProfile: colorProfile, pngColor: pngColor, resolution: shape)
    }

    /// What of the blocks could not be read, half a sentence; nil where all could.
    var damage: String? {
        guard let exif else { return nil }
        guard let block = TIFFBlock(exif), !block.isDamaged else {
            return "its EXIF block is damaged, and kept as it is"
        }
        return nil
    }

    /// An orientation by which the picture is not turned, half a sentence; nil where there is none.
    var unusedOrientation: String? {
        guard !hasOrientation, let value = xmp.flatMap({ XMPPacket($0).value(of: "tiff:Orientation") }),
            let number = Int(String(decoding: value, as: UTF8.self)), (2...8).contains(number)
        else { return nil }
        return "it is not turned by the orientation \(number) that its XMP has and its EXIF has not, as in most viewers"
    }
}

extension XMPPacket {
    fileprivate mutating func makeUpright(width: Int, height: Int, isTransposed: Bool) {
        for name in ["tiff:ImageWidth", "exif:PixelXDimension"] { set(name, to: Array(String(width).utf8)) }
        for name in ["tiff:ImageLength", "exif:PixelYDimension"] { set(name, to: Array(String(height).utf8)) }
        for name in ["xmp:Thumbnails", "xap:Thumbnails", "xapGImg:Thumbnails"] { remove(name) }
        guard isTransposed else { return }
        exchange("tiff:XResolution", "tiff:YResolution")
        exchange("exif:FocalPlaneXResolution", "exif:FocalPlaneYResolution")
    }

    /// Phones put a video or a brighter version of the picture behind it, which is not read, and say so here: a viewer would
    /// offer what is not there ("Motion Photo format 1.0", "Ultra HDR Image Format").
    ///
    /// A reference to content credentials within the file goes with these.
    fileprivate mutating func dropPointersToWhatIsNotKept() {
        // Both prefixes are about.
        let camera = [
            "MotionPhoto", "MotionPhotoVersion", "MotionPhotoPresentationTimestampUs", "MicroVideo",
            "MicroVideoVersion", "MicroVideoOffset", "MicroVideoPresentationTimestampUs",
        ]
        let names = ["GCamera:", "Camera:"].flatMap { prefix in camera.map { prefix + $0 } }
        for name in names + ["hdrgm:Version", "Container:Directory"] { remove(name) }
        if value(of: "dcterms:provenance")?.starts(with: "self#jumbf".utf8) ?? false { remove("dcterms:provenance") }
    }

    fileprivate mutating func declareSRGB() {
        set("exif:ColorSpace", to: [UInt8(ascii: "1")])
        remove("photoshop:ICCProfile")
        // 3 is RGB.
        set("photoshop:ColorMode", to: [UInt8(ascii: "3")])
    }
}

extension DecodedImage {
    /// Turns the picture as its orientation says and makes its metadata true, the tables and sampling of a JPEG as well, with
    /// which it may be written again; thumbnails go even where nothing is turned.
    ///
    /// - Parameter pool: shares out the rows.
    /// - Returns: what of the metadata is damaged or does not count, half a sentence; nil where nothing is.
    @discardableResult
    public mutating func makeUpright(pool: WorkerPool = .serial) -> String? {
        let orientation = metadata.orientation
        if orientation > 1 {
            // One owner: the picture is turned in place where it can be.
            let stored = image
            image = Image(width: 1, height: 1, channelLayout: .gray)
            image = stored.upright(from: orientation, pool: pool)
        }
        if orientation >= 5 { jpeg = jpeg?.transposed }
        let remarks = [metadata.damage, metadata.unusedOrientation].compactMap { $0 }
        metadata = metadata.upright(from: orientation, width: image.width, height: image.height)
        return remarks.isEmpty ? nil : remarks.joined(separator: "; ")
    }
}
