// swift-tools-version: 6.1
import PackageDescription

// A program of another package that uses the library. In a package of your own, replace the path by the repository's
// address: .package(url: "…/restore", from: "0.1.0").
let package = Package(
    name: "denoise-example",
    dependencies: [.package(name: "restore", path: "../..")],
    targets: [
        .executableTarget(
            name: "denoise-example",
            dependencies: [
                .product(name: "RestoreConcurrency", package: "restore"),
                .product(name: "RestoreImage", package: "restore"),
                .product(name: "RestoreModels", package: "restore"),
            ])
    ],
    swiftLanguageModes: [.v6]
)
