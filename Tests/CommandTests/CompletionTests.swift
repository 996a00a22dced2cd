import RestoreFiles
import TestSupport
import Testing

/// What the shell completes. Bash runs here as it is everywhere; zsh and fish get the same lists from ArgumentParser.
@Suite struct CompletionTests {
    private let workplace: Workplace

    init() throws {
        workplace = try Workplace()
        for name in ["picture.png", "PHOTO.JPG", "picture.jpeg", "picture.txt", "more/inner.png"] {
            try workplace.folder.write([1], name)
        }
    }

    /// The completions of the last of these words.
    private func completions(_ words: String...) throws -> Set<String> {
        let quoted = words.map { "'\($0)'" }.joined(separator: " ")
        let script = """
            "$RESTORE" --generate-completion-script bash >completions.bash
            exec bash --norc -c '
            source ./completions.bash
            COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
            _restore restore "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
            printf "%s\\n" "${COMPREPLY[@]}"' bash \(quoted)
            """
        let outcome = try workplace.shell(script)
        #expect(outcome.code == 0, "\(outcome.errors)")
        return Set(outcome.outputLines.filter { !$0.isEmpty })
    }

    @Test(arguments: [
        ["denoise"], ["colorize"], ["inpaint", "--mask"], ["denoise", "--output"], ["degrade", "noise"],
    ])
    func picturesAreCompletedToPictures(command: [String]) throws {
        let found = try completions("restore", command[0], command.count > 1 ? command[1] : "--strip", "")
        #expect(found.isSuperset(of: ["picture.png", "PHOTO.JPG", "picture.jpeg"]), "\(found)")
        #expect(found.contains { $0.hasPrefix("more") }, "\(found)")
        #expect(!found.contains("picture.txt"))
    }

    @Test func commandsAndOptionsAreCompleted() throws {
        #expect(try completions("restore", "de") == ["denoise", "degrade"])
        #expect(try completions("restore", "denoise", "--str").isSuperset(of: ["--strip", "--strength"]))
        #expect(try completions("restore", "denoise", "--format", "").isSuperset(of: ["png", "jpg"]))
    }
}
