import RestoreNN

/// The networks of the autoencoder family: picture → encoder → code → decoder → picture.
///
/// Input "picture": N×H×W×C with values in 0…1; a conditional one has the input "label", too, N×1×1×`classCount`, 1 for
/// the class and 0 for the others. Outputs: "reconstruction", of the picture's shape, and "code", N×1×1×`codeSize`;
/// of variational ones the code is the mean of q(z | x), and a third output is its log variance. A segmentation has one
/// output, "logits" of the classes, N×H×W×`classCount`.
///
/// What a member minimizes is not here but in its training; `docs/autoencoders.md` lists the members with their sources.
public struct AutoencoderArchitecture: ModelArchitecture, Hashable {
    public static let task = "autoencoder"

    /// The members of the family, as `--kind` and model files name them.
    public enum Kind: String, CaseIterable, Codable, Sendable {
        /// Fully connected layers with tanh, a linear code and output (Hinton & Salakhutdinov, "Reducing the
        /// dimensionality of data with neural networks", Science 313, 2006).
        case dense
        /// Linear encoder and decoder, which span the subspace of the principal components (Baldi & Hornik, "Neural
        /// networks and principal component analysis", Neural Networks 2, 1989).
        case linear
        /// Convolutions of stride 2, a code, and transposed convolutions.
        case convolutional
        /// Restores corrupted pictures (Vincent et al., "Extracting and composing robust features with denoising
        /// autoencoders", ICML 2008).
        case denoising
        /// Few units are active at a time, by a penalty.
        case sparse
        /// Only the k greatest units of a linear code remain (Makhzani & Frey, "k-Sparse Autoencoders", ICLR 2014; the
        /// decoder's weights are its own here).
        case kSparse = "k-sparse"
        /// The code hardly changes with the picture (Rifai et al., "Contractive auto-encoders", ICML 2011).
        case contractive
        /// The code is a random variable (Kingma & Welling, "Auto-encoding variational Bayes", ICLR 2014).
        case variational
        /// A variational one whose encoder and decoder are told the class (Sohn, Lee & Yan, "Learning structured output
        /// representation using deep conditional generative models", NIPS 2015).
        case conditional
        /// The decoder gives the class of each pixel instead of the picture, with skips from the encoder (Ronneberger,
        /// Fischer & Brox, "U-Net: convolutional networks for biomedical image segmentation", MICCAI 2015).
        case segmentation

        /// Whether the decoder makes the picture of the code alone. Only such members have a code space.
        public var reconstructs: Bool { self != .segmentation }
        /// Whether the code is a random variable with a standard normal prior.
        public var isVariational: Bool { self == .variational || self == .conditional }
        /// Whether code units are what a sigmoid gives.
        var hasSigmoidCode: Bool { self == .contractive }
    }

    /// How the units of a sparse code are kept inactive, which decides their activation.
    public enum Sparsity: String, CaseIterable, Codable, Sendable {
        /// The sum of their magnitudes, which is a Laplace prior; ReLU.
        case l1
        /// The divergence of their mean activity from a target; sigmoid.
        case kl
    }

    /// What the decoder of a variational autoencoder gives the parameters of.
    public enum Likelihood: String, CaseIterable, Codable, Sendable {
        /// The probability that a pixel is 1.
        case bernoulli
        /// The mean of a pixel's value; its variance is a setting of the training.
        case gaussian
    }

    public let kind: Kind
    /// Sides and channels of a picture.
    public let height: Int
    public let width: Int
    public let channels: Int
    /// Units, or channels, of the encoder's hidden layers; the decoder has them in reverse order.
    public let hidden: [Int]
    public let codeSize: Int
    /// The k of a k-sparse autoencoder.
    public let activeUnits: Int?
    /// Of a sparse autoencoder.
    public let sparsity: Sparsity?
    /// Of a variational autoencoder.
    public let likelihood: Likelihood?
    /// Of a conditional one the classes that it is told, of a segmentation those of a pixel.
    public let classCount: Int?

    private enum CodingKeys: String, CodingKey {
        case kind = "name"
        case height, width, channels, hidden
        case codeSize = "code"
        case activeUnits = "active"
        case sparsity, likelihood
        case classCount = "classes"
    }

    /// - Parameters:
    ///   - activeUnits: for `kSparse`, 40 unless given.
    ///   - sparsity: for `sparse`, `l1` unless given.
    ///   - likelihood: for variational ones, `bernoulli` unless given.
    ///   - classCount: for `conditional`, 10 unless given; for `segmentation`, 11: the background and ten digits.
    public init(
        kind: Kind = .dense, height: Int = 28, width: Int = 28, channels: Int = 1, hidden: [Int] = [500, 300],
        codeSize: Int = 2, activeUnits: Int? = nil, sparsity: Sparsity? = nil, likelihood: Likelihood? = nil,
        classCount: Int? = nil
    ) {
        self.kind = kind
        self.height = height
        self.width = width
        self.channels = channels
        self.hidden = hidden
        self.codeSize = codeSize
        self.activeUnits = kind == .kSparse ? activeUnits ?? 40 : nil
        self.sparsity = kind == .sparse ? sparsity ?? .l1 : nil
        self.likelihood = kind.isVariational ? likelihood ?? .bernoulli : nil
        switch kind {
        case .conditional: self.classCount = classCount ?? 10
        case .segmentation: self.classCount = classCount ?? 11
        default: self.classCount = nil
        }
    }

    public var defect: String? {
        guard (1...1024).contains(height), (1...1024).contains(width), channels == 1 || channels == 3 else {
            return
                "expected pictures of 1 to 1024 pixels a side and 1 or 3 channels, found \(height)×\(width)×\(channels)"
        }
        guard hidden.count <= 8, hidden.allSatisfy((1...65536).contains) else {
            return "expected up to 8 hidden layers of 1 to 65536 units, found \(hidden)"
        }
        guard (1...65536).contains(codeSize) else { return "expected a code of 1 to 65536 units, found \(codeSize)" }
        switch kind {
        case .linear, .kSparse, .contractive:
            guard hidden.isEmpty else {
                return "expected no hidden layers in the \(kind.rawValue) kind, found \(hidden)"
            }
        case .convolutional, .segmentation:
            let step = 1 << hidden.count
            guard !hidden.isEmpty, height % step == 0, width % step == 0 else {
                return "expected sides that \(hidden.count) layers can halve, found \(height)×\(width)"
            }
        case .dense, .denoising, .sparse, .variational, .conditional: break
        }
        return defectOfKind
    }

    /// What is wrong with the settings that only some kinds have.
    private var defectOfKind: String? {
        switch kind {
        case .kSparse:
            guard let activeUnits, (1...codeSize).contains(activeUnits) else {
                return "expected 1 to \(codeSize) active units, found \(activeUnits.map { "\($0)" } ?? "none")"
            }
        case .sparse:
            guard sparsity != nil else { return "expected how the code is kept sparse" }
        case .variational, .conditional:
            guard likelihood != nil else { return "expected what the decoder's output means" }
            guard kind == .variational || (1...1000).contains(classCount ?? 0) else {
                return "expected 1 to 1000 classes, found \(classCount.map { "\($0)" } ?? "none")"
            }
        case .segmentation:
            guard (2...1000).contains(classCount ?? 0) else {
                return "expected 2 to 1000 classes, found \(classCount.map { "\($0)" } ?? "none")"
            }
        default: break
        }
        return nil
    }

    var features: Int { height * width * channels }

    /// Whether codes have a standard normal prior, so that new ones can be drawn from it.
    public var hasNormalPrior: Bool { kind.isVariational }

    /// The shapes of one picture, of one code and of one label.
    public var pictureShape: Shape { Shape(batch: 1, height: height, width: width, channels: channels) }
    public var codeShape: Shape { Shape(batch: 1, height: 1, width: 1, channels: codeSize) }
    public var labelShape: Shape? {
        guard kind == .conditional, let classCount else { return nil }
        return Shape(batch: 1, height: 1, width: 1, channels: classCount)
    }
}
