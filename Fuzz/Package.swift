// swift-tools-version: 6.1
import PackageDescription

// Built by run.sh with --sanitize=fuzzer --sanitize=address, which also instruments the libraries.
let package = Package(
    name: "fuzz",
    dependencies: [
        .package(name: "restore", path: ".."),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    ],
    targets: [
        .executableTarget(
            name: "restore-fuzz",
            dependencies: [
                .product(name: "RestoreConcurrency", package: "restore"),
                .product(name: "RestoreNN", package: "restore"),
                .product(name: "RestoreImage", package: "restore"),
                .product(name: "RestoreModels", package: "restore"),
                .product(name: "RestoreTraining", package: "restore"),
                .product(name: "Logging", package: "swift-log"),
            ])
    ],
    swiftLanguageModes: [.v6]
)
