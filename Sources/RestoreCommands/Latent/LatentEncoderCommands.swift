import ArgumentParser
import RestoreCharts
import RestoreFiles
import RestoreImage
import RestoreModels
import RestoreText
import RestoreTraining

struct LatentFiltersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "filters",
        abstract: "Shows the weights of the first layer as pictures.",
        discussion: """
            Each picture is a unit: gray is 0, lighter is positive, darker negative, and the greatest weight of the unit is \
            black or white. Where they are the units of the code, those that vary most with the pictures of the data come first; \
            units of hidden layers are in the order of their greatest weights.
            """)

    @OptionGroup var model: LatentModelOptions

    @Option(help: "Units, at most as many as there are.")
    var count = 100

    @OptionGroup var data: LatentDataOptions
    @OptionGroup var output: LatentOutputOptions

    func validate() throws {
        guard (1...10_000).contains(count) else { throw ValidationError("--count takes 1 to 10000.") }
    }

    func run() throws {
        try reportingFailure {
            try output.check()
            let autoencoder = try model.load()
            let filters = autoencoder.filters
            let ranks = try ranks(of: filters, autoencoder)
            let order = ranks.indices.sorted { (ranks[$1], $0) < (ranks[$0], $1) }.prefix(count)
            let images = order.map {
                signedImage(
                    filters.weights[$0], width: filters.width, height: filters.height, channels: filters.channels)
            }
            let columns = max(1, Int(Double(images.count).squareRoot().rounded(.up)))
            let rows = stride(from: 0, to: images.count, by: columns).map {
                Array(images[$0..<min($0 + columns, images.count)])
            }
            if let image = tiled(rows) { try output.write(image) }
        }
    }

    /// What decides which units come first: units that never change have kept their first random weights.
    private func ranks(of filters: Autoencoder.Filters, _ autoencoder: Autoencoder) throws -> [Double] {
        if autoencoder.architecture.hidden.isEmpty {
            let coded = try CodedPictures(data.pictures(model, for: autoencoder), by: autoencoder)
            return coded.moments.map { Double($0.deviation) }
        }
        return filters.weights.map { $0.reduce(0.0) { $0 + Double($1) * Double($1) } }
    }
}

/// Values of both signs as a picture in which 0 is gray and the greatest magnitude black or white.
func signedImage(_ values: [Float], width: Int, height: Int, channels: Int) -> Image {
    let greatest = values.reduce(0) { max($0, abs($1)) }
    let samples = values.map { value -> UInt8 in
        let place = greatest > 0 ? value / greatest : 0
        return UInt8(max(0, min(255, 127.5 + 127.5 * (place.isNaN ? 0 : place) + 0.5)))
    }
    return Image(width: width, height: height, channelLayout: channels == 1 ? .gray : .rgb, samples: .uint8(samples))
}

struct LatentJacobianCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "jacobian",
        abstract: "Draws the singular values of the encoder's Jacobian.",
        discussion: """
            They say how far the code moves with the picture, in the directions in which it moves most; drawn is their mean \
            over the pictures. A contractive autoencoder has few that are not small. The output is .svg or .png (which needs \
            librsvg), or .csv for the numbers.
            """)

    @OptionGroup var model: LatentModelOptions

    @Option(
        name: .customLong("compare"), parsing: .upToNextOption,
        help: ArgumentHelp("Other autoencoders in the same chart.", valueName: "name|path"), completion: .models)
    var others: [String] = []

    @Option(help: "Pictures, the first of the data, that the mean is over.")
    var count = 20

    @OptionGroup var data: LatentDataOptions
    @OptionGroup var output: LatentOutputOptions

    func validate() throws {
        guard (1...10_000).contains(count) else { throw ValidationError("--count takes 1 to 10000.") }
    }

    func run() throws {
        try reportingFailure {
            try output.check()
            let isTable = pathExtension(of: output.output).lowercased() == "csv"
            let charts = isTable ? nil : try ChartOutput(output)
            let pictures = try data.pictures(model, for: model.load()).prefix(count)
            var spectra: [(name: String, values: [Double])] = []
            for name in [model.model] + others {
                var named = model
                named.model = name
                let autoencoder = try named.load()
                spectra.append((named.title, try meanSpectrum(autoencoder, Array(pictures))))
            }
            guard let charts else { return try output.write(table(spectra)) }
            let series = spectra.map { name, values in
                ScatterChart.Series(
                    name: shortened(name), points: values.enumerated().map { (Double($0 + 1), $1) })
            }
            try charts.write(
                ScatterChart(
                    title: "Singular values of the encoder's Jacobian, mean of \(pictures.count) pictures",
                    horizontal: "index", vertical: "singular value", series: series))
        }
    }

    private func meanSpectrum(_ autoencoder: Autoencoder, _ pictures: [PictureSet.Picture]) throws -> [Double] {
        var sums: [Double] = []
        for picture in pictures {
            try Interruption.check()
            let found = try EncoderJacobian(
                autoencoder, at: autoencoder.input(of: picture.image), label: picture.label
            ).singularValues
            sums = sums.isEmpty ? found : zip(sums, found).map { $0 + $1 }
        }
        return sums.map { $0 / Double(max(1, pictures.count)) }
    }

    /// The folder of a run tells more than the file in it; the legend is narrow.
    private func shortened(_ name: String) -> String {
        String((name.split(separator: "/").first ?? "model").prefix(13))
    }

    private func table(_ spectra: [(name: String, values: [Double])]) -> [UInt8] {
        let heading = (["index"] + spectra.map { "\"\($0.name.replacing("\"", with: "\"\""))\"" })
            .joined(separator: ",")
        let rows = (0..<(spectra.map(\.values.count).max() ?? 0)).map { index in
            (["\(index + 1)"] + spectra.map { index < $0.values.count ? "\($0.values[index])" : "" })
                .joined(separator: ",")
        }
        return Array(([heading] + rows).joined(separator: "\n").utf8) + [UInt8(ascii: "\n")]
    }
}

struct LatentTangentsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tangents",
        abstract: "Shows in which directions of the picture the code moves most.",
        discussion: """
            A row for each picture: itself, and the right singular vectors of the encoder's Jacobian with the greatest \
            singular values, gray for 0. They are tangents of the manifold that the encoder follows.
            """)

    @OptionGroup var model: LatentModelOptions

    @Option(help: ArgumentHelp("Pictures of the data by their numbers, from 0.", valueName: "i,j,..."))
    var indices = "0,1,2,3"

    @Option(help: "Tangents of each picture.")
    var count = 8

    @OptionGroup var data: LatentDataOptions
    @OptionGroup var output: LatentOutputOptions

    func validate() throws {
        guard (1...100).contains(count) else { throw ValidationError("--count takes 1 to 100.") }
        guard let numbers = integers(indices), (1...100).contains(numbers.count) else {
            throw ValidationError("--indices takes up to 100 numbers, such as 0,1,2.")
        }
    }

    func run() throws {
        try reportingFailure {
            try output.check()
            let autoencoder = try model.load()
            let pictures = try data.pictures(model, for: autoencoder)
            let numbers = integers(indices) ?? []
            guard numbers.allSatisfy(pictures.indices.contains) else {
                throw UsageError(
                    description: "--indices takes 0 to \(pictures.count - 1) for this data, found \(indices)")
            }
            let rows = try numbers.map { number in
                try Interruption.check()
                let input = autoencoder.input(of: pictures[number].image)
                let tangents = try EncoderJacobian(
                    autoencoder, at: input, label: pictures[number].label, tangentCount: count
                ).tangents
                let architecture = autoencoder.architecture
                return [autoencoder.image(of: input)]
                    + tangents.map { tangent in
                        signedImage(
                            tangent.map { Float($0) }, width: architecture.width, height: architecture.height,
                            channels: architecture.channels)
                    }
            }
            if let image = tiled(rows) { try output.write(image) }
        }
    }
}
