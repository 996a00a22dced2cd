// swift-tools-version: 6.1
import PackageDescription

let package = Package(
    name: "benchmarks",
    products: [.executable(name: "restore-bench", targets: ["restore-bench"])],
    dependencies: [.package(name: "restore", path: "..")],
    targets: [
        // Only what the libraries offer to everybody: what is measured is what a user of them gets.
        .executableTarget(
            name: "restore-bench",
            dependencies: [
                .product(name: "RestoreConcurrency", package: "restore"),
                .product(name: "RestoreNN", package: "restore"),
                .product(name: "RestoreModels", package: "restore"),
            ])
    ],
    swiftLanguageModes: [.v6]
)
