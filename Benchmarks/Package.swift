// swift-tools-version: 6.1
import PackageDescription

let package = Package(
    name: "benchmarks",
    products: [.executable(name: "restore-bench", targets: ["restore-bench"])],
    dependencies: [.package(name: "restore", path: "..")],
    targets: [
        // Uses only the libraries' public API, so that the measurements reflect what a user of them gets.
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
