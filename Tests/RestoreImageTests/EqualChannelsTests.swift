import RestoreConcurrency
import RestoreImage
import TestSupport
import Testing

/// Pictures that are gray though they have three channels.
@Suite struct EqualChannelsTests {
    private func picture(alpha: UInt8?, odd: (x: Int, y: Int)?) -> Image {
        var samples: [UInt8] = []
        for y in 0..<150 {
            for x in 0..<40 {
                let value = UInt8((7 * x + 3 * y) % 256)
                let isOdd = odd.map { $0 == (x, y) } ?? false
                samples += [value, value, isOdd ? value ^ 1 : value]
                if let alpha { samples.append(isOdd ? alpha : 255) }
            }
        }
        return Image(width: 40, height: 150, channelLayout: alpha == nil ? .rgb : .rgbAlpha, samples: .uint8(samples))
    }

    @Test func oneColoredPixelThatIsSeenMakesColor() {
        let pool = WorkerPool(workerCount: 3)
        #expect(picture(alpha: nil, odd: nil).hasEqualChannels(pool: pool))
        for odd in [(0, 0), (39, 149), (20, 64)] {
            #expect(!picture(alpha: nil, odd: odd).hasEqualChannels(pool: pool))
            #expect(!picture(alpha: 1, odd: odd).hasEqualChannels(pool: pool))
            #expect(picture(alpha: 0, odd: odd).hasEqualChannels(pool: pool))
        }
        #expect(!Image(width: 3, height: 3, channelLayout: .gray).hasEqualChannels())
    }
}
