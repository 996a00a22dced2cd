/// The files of the page, which are part of the program.
enum PageFiles {
    static func answer(_ path: [String]) -> Answer? {
        switch path {
        case [""], ["index.html"]: .embedded(PackageResources.index_html, type: "text/html; charset=utf-8")
        case ["style.css"]: .embedded(PackageResources.style_css, type: "text/css; charset=utf-8")
        case ["app.js"]: script(PackageResources.app_js)
        case ["api.js"]: script(PackageResources.api_js)
        case ["viewer.js"]: script(PackageResources.viewer_js)
        case ["drawing.js"]: script(PackageResources.drawing_js)
        case ["icon.svg"]: .embedded(PackageResources.icon_svg, type: "image/svg+xml")
        default: nil
        }
    }

    private static func script(_ bytes: [UInt8]) -> Answer {
        .embedded(bytes, type: "text/javascript; charset=utf-8")
    }
}
