import Glibc
import RestoreFiles
import RestoreImage
import RestoreNN
import TestSupport

extension Image {
    /// A picture of smooth areas, edges and texture, drawn from `seed`; its alpha is random.
    package static func scene(
        width: Int, height: Int, _ layout: ChannelLayout = .rgb, bitDepth: Int = 8, seed: UInt64 = 1
    ) -> Image {
        var generator = SeededGenerator(seed: seed)
        let slope = (generator.uniform() * 0.1 + 0.02, generator.uniform() * 0.1 + 0.02)
        let disc = (generator.uniform() * Double(width), generator.uniform() * Double(height))
        let radius = 0.3 * Double(min(width, height))
        let maximum: Double = bitDepth == 8 ? 255 : 65535
        var values: [Double] = []
        for y in 0..<height {
            for x in 0..<width {
                let isInDisc = hypot(Double(x) - disc.0, Double(y) - disc.1) < radius
                for channel in 0..<layout.colorChannelCount {
                    let wave = sin(Double(x) * slope.0 + Double(channel)) * cos(Double(y) * slope.1)
                    values.append(0.5 + 0.25 * wave + (isInDisc ? 0.2 - 0.1 * Double(channel) : 0))
                }
                if layout.hasAlpha { values.append(generator.uniform()) }
            }
        }
        let samples: Samples =
            bitDepth == 8
            ? .uint8(values.map { UInt8(($0 * maximum).rounded()) })
            : .uint16(values.map { UInt16(($0 * maximum).rounded()) })
        return Image(width: width, height: height, channelLayout: layout, samples: samples)
    }

    /// All samples, whatever the depth.
    package var values: [Int] {
        switch samples {
        case .uint8(let values): return values.map { Int($0) }
        case .uint16(let values): return values.map { Int($0) }
        }
    }

    /// The opacities, empty where there is no alpha.
    package var alpha: [Int] {
        guard channelLayout.hasAlpha else { return [] }
        let (step, values) = (channelLayout.channelCount, values)
        return stride(from: step - 1, to: sampleCount, by: step).map { values[$0] }
    }
}

extension TemporaryFolder {
    /// Writes a picture in the format that the name says.
    ///
    /// - Returns: its path.
    @discardableResult
    package func write(_ image: Image, _ name: String) throws -> String {
        try makeDirectory(parentFolder(of: self(name)))
        try writeImage(image, to: self(name), overwrite: true)
        return self(name)
    }

    /// Writes `count` scenes as `scene-0.png` and so on.
    package func writeScenes(_ count: Int, side: Int) throws {
        for index in 0..<count {
            try write(.scene(width: side + index, height: side, seed: UInt64(index)), "scene-\(index).png")
        }
    }
}
