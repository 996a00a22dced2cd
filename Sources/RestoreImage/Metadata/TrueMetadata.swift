import RestoreConcurrency

// What processing makes untrue in a picture's metadata is edited where it stands; all else stays byte for byte.

extension ImageMetadata {
    /// The orientation of the stored rows and columns, 1…8: as given by EXIF, otherwise 1.
    ///
    /// An orientation given only by XMP is ignored: browsers, libvips and nearly all viewers rotate by EXIF only, so
    /// hardly anybody has seen the image rotated.
    public var orientation: Int { exif.flatMap { TIFFBlock($0) }?.orientation ?? 1 }

    /// Whether EXIF has an orientation, even an invalid one: XMP's is then only a copy.
    private var hasOrientation: Bool { exif.flatMap { TIFFBlock($0) }?.hasOrientation ?? false }

    /// The metadata of the image after rotating it upright: orientation 1, updated dimensions, resolutions swapped if
    /// width and height were, face and subject regions at their new positions, and no thumbnails, because they show the
    /// original image.
    ///
    /// An orientation given only by XMP is kept if the image was not rotated: the output is then interpreted like the
    /// input.
    ///
    /// A damaged EXIF block is kept; if a reader can still find an orientation in it, it is set like any other.
    ///
    /// - Parameters:
    ///   - orientation: by which the image was rotated, 1…8.
    ///   - width: of the upright image in pixels.
    ///   - height: of the upright image in pixels.
    public func upright(from orientation: Int, width: Int, height: Int) -> ImageMetadata {
        let turn = CoordinateTurn(orientation: orientation, uprightWidth: width, height: height)
        let isTransposed = turn.isTransposed
        var result = self
        if let exif, var block = TIFFBlock(exif) {
            // First, so that in a malformed block it cannot undo the other changes.
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

    /// The metadata of the image after its colors became sRGB of a different color model, such as CMYK converted to
    /// RGB, or gray converted to color: without the profile and the chunks that described the original colors, and with
    /// EXIF and XMP declaring sRGB if they declared a color space.
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

    /// Without the color profile, in whatever block it is stored or named.
    var withoutColorProfile: ImageMetadata {
        var result = self
        result.colorProfile = nil
        result.editXMP { $0.remove("photoshop:ICCProfile") }
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

    /// Only what is needed to interpret the pixels correctly: the color space, and the resolution if it says that
    /// pixels are not square.
    public var stripped: ImageMetadata {
        let shape = resolution.flatMap { $0.x == $0.y ? nil : Resolution(x: $0.x, y: $0.y, unit: .none) }
        return ImageMetadata(colorProfile: colorProfile, pngColor: pngColor, resolution: shape)
    }

    /// A phrase that says which blocks could not be read; nil if all could.
    var damage: String? {
        guard let exif else { return nil }
        guard let block = TIFFBlock(exif), !block.isDamaged else {
            return "its EXIF block is damaged and is kept unchanged"
        }
        return nil
    }

    /// A phrase about an orientation that is not applied; nil if there is none.
    var unusedOrientation: String? {
        guard !hasOrientation, let value = xmp.flatMap({ XMPPacket($0).value(of: "tiff:Orientation") }),
            let number = Int(String(decoding: value, as: UTF8.self)), (2...8).contains(number)
        else { return nil }
        return "it is not rotated by orientation \(number), which only its XMP has, as in most viewers"
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

    /// Phones append a video or a brighter version of the image, which is not read, and refer to it here: a viewer
    /// would offer content that does not exist ("Motion Photo format 1.0", "Ultra HDR Image Format").
    ///
    /// References to content credentials within the file are dropped as well.
    fileprivate mutating func dropPointersToWhatIsNotKept() {
        // Both prefixes are in use.
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
    /// Rotates the image according to its orientation and updates its metadata, including the JPEG tables and sampling
    /// with which it may be written again; thumbnails are dropped even if nothing is rotated.
    ///
    /// - Parameter pool: shares out the rows.
    /// - Returns: what of the metadata is damaged or does not count, half a sentence; nil where nothing is.
    @discardableResult
    public mutating func makeUpright(pool: WorkerPool = .serial) -> String? {
        let orientation = metadata.orientation
        if orientation > 1 {
            // A single owner, so that the image can be rotated in place where possible.
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
