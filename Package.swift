// swift-tools-version: 6.1
import PackageDescription

let package = Package(
    name: "restore",
    products: [
        .executable(name: "restore", targets: ["restore"]),
        .library(name: "RestoreConcurrency", targets: ["RestoreConcurrency"]),
        .library(name: "RestoreNN", targets: ["RestoreNN"]),
        .library(name: "RestoreImage", targets: ["RestoreImage"]),
        .library(name: "RestoreModels", targets: ["RestoreModels"]),
        .library(name: "RestoreTraining", targets: ["RestoreTraining"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        // Without its traits it needs only FoundationEssentials, not all of Foundation. The version is exact because
        // generated code is committed.
        .package(url: "https://github.com/apple/swift-protobuf.git", exact: "1.39.0", traits: []),
        // HTTP for `restore serve`. Unlike FlyingFox it links statically and bounds what a client may send
        // (docs/decisions).
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
    ],
    targets: [
        // System libraries, found through pkg-config.
        .systemLibrary(name: "CLibPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CLibJPEG", pkgConfig: "libjpeg", providers: [.apt(["libjpeg-dev"])]),
        .systemLibrary(name: "CLittleCMS", pkgConfig: "lcms2", providers: [.apt(["liblcms2-dev"])]),
        .systemLibrary(name: "CLibYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .systemLibrary(name: "CLibMD", pkgConfig: "libmd", providers: [.apt(["libmd-dev"])]),
        // Of the C library; Swift's Glibc module lacks it.
        .systemLibrary(name: "CExtendedAttributes"),

        // C targets: loops that need SIMD with run-time dispatch, and code that uses setjmp, which never crosses into
        // Swift.
        .target(name: "CKernels"),
        // Loads NVIDIA's libraries when a GPU is asked for; nothing links them.
        .target(name: "CCUDA"),
        .target(name: "CProcess"),
        .target(name: "CImageCodecs", dependencies: ["CLibPNG", "CZlib", "CLibJPEG"]),

        // Swift targets, bottom-up: each depends only on earlier ones.
        .target(name: "RestoreText"),
        .target(name: "RestoreFiles", dependencies: ["CExtendedAttributes"]),
        .target(name: "RestoreConcurrency", dependencies: ["CKernels"]),
        // Loads OpenBLAS when it is asked to; nothing links it.
        .target(name: "RestoreLinearAlgebra", dependencies: ["CKernels"]),
        .target(
            name: "RestoreNN",
            dependencies: ["CKernels", "CLibMD", "RestoreConcurrency", "RestoreFiles", "RestoreLinearAlgebra"]),
        .target(name: "RestoreCUDA", dependencies: ["CCUDA", "RestoreConcurrency", "RestoreNN"]),
        .target(
            name: "RestoreImage",
            dependencies: ["CImageCodecs", "CLibMD", "CLittleCMS", "CZlib", "RestoreConcurrency", "RestoreFiles"]),
        .target(
            name: "RestoreModels",
            dependencies: ["RestoreNN", "RestoreImage", "RestoreConcurrency", "RestoreFiles", "RestoreLinearAlgebra"]),
        // Loads librsvg when a chart is to become a PNG; nothing links it.
        .target(name: "RestoreCharts", dependencies: ["RestoreImage", "RestoreText"]),
        .target(
            name: "RestoreTraining",
            dependencies: [
                "RestoreCharts", "RestoreModels", "RestoreNN", "RestoreCUDA", "RestoreImage", "RestoreConcurrency",
                "RestoreFiles", "RestoreText", "CLibMD", "CLibYAML", "CZlib",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ],
            exclude: ["Reports/Protos"]),
        // The web page and its API. They run the program's own commands.
        .target(
            name: "RestoreServe",
            dependencies: [
                "CProcess", "RestoreImage", "RestoreConcurrency", "RestoreFiles",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            // In the program itself, which can then be moved anywhere.
            resources: [.embedInCode("Page")]),
        .target(
            name: "RestoreCommands",
            dependencies: [
                "RestoreServe", "RestoreTraining", "RestoreModels", "RestoreImage", "RestoreNN", "RestoreConcurrency",
                "RestoreFiles",
                "RestoreText", "RestoreCharts", "RestoreLinearAlgebra",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ]),
        .executableTarget(name: "restore", dependencies: ["RestoreCommands"]),

        // Tests mirror Sources; CommandTests run the built program.
        .target(
            name: "TestSupport", dependencies: ["RestoreNN", "RestoreConcurrency", "RestoreFiles"],
            path: "Tests/TestSupport"),
        .testTarget(name: "RestoreTextTests", dependencies: ["RestoreText"]),
        .testTarget(name: "RestoreFilesTests", dependencies: ["RestoreFiles", "TestSupport", "CExtendedAttributes"]),
        .testTarget(
            name: "RestoreConcurrencyTests",
            dependencies: ["RestoreConcurrency", "RestoreFiles", "RestoreNN", "TestSupport"]),
        .testTarget(
            name: "RestoreLinearAlgebraTests",
            dependencies: ["RestoreLinearAlgebra", "RestoreNN", "CKernels", "TestSupport"]),
        .testTarget(
            name: "RestoreNNTests",
            dependencies: ["RestoreNN", "RestoreConcurrency", "RestoreLinearAlgebra", "CKernels", "TestSupport"]),
        .testTarget(name: "RestoreChartsTests", dependencies: ["RestoreCharts", "RestoreImage"]),
        .testTarget(
            name: "RestoreImageTests", dependencies: ["RestoreImage", "RestoreConcurrency", "TestSupport", "CZlib"]),
        .target(
            name: "ModelTestSupport", dependencies: ["RestoreModels", "RestoreConcurrency", "TestSupport"],
            path: "Tests/ModelTestSupport"),
        .testTarget(
            name: "RestoreModelsTests",
            dependencies: [
                "RestoreModels", "RestoreConcurrency", "RestoreLinearAlgebra", "TestSupport", "ModelTestSupport",
            ]),
        .testTarget(
            name: "RestoreTrainingTests",
            dependencies: [
                "RestoreTraining", "RestoreCUDA", "RestoreConcurrency", "TestSupport", "ModelTestSupport", "CZlib",
                .product(name: "Logging", package: "swift-log"),
            ]),
        // A task that exists for tests of what all picture tasks share.
        .executableTarget(
            name: "picture-probe",
            dependencies: [
                "RestoreCommands", "RestoreImage", "RestoreConcurrency",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ], path: "Tests/PictureProbe"),
        .testTarget(
            name: "CommandTests",
            dependencies: [
                "RestoreTraining", "RestoreConcurrency", "RestoreText", "TestSupport", "ModelTestSupport",
                "CExtendedAttributes",
            ]),
    ],
    swiftLanguageModes: [.v6]
)
