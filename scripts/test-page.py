"""Uses the page of `restore serve` as a person would, in headless Chromium, and compares its downloads with the output
of the commands.

usage: test-page.py PROGRAM [--images FOLDER]

With --images, screenshots at 1400 and 400 pixels are written to FOLDER. Where Chromium or its driver are missing
(Debian: chromium, chromium-driver), nothing is tested, and a message says so.
"""

import base64
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
import zlib

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FIXTURES = os.path.join(ROOT, "Fixtures")
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class Browser:
    """A session of ChromeDriver (W3C WebDriver)."""

    def __init__(self, downloads):
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, text=True)
        for line in self.driver.stdout:
            if "started successfully on port" in line:
                self.address = "http://127.0.0.1:" + line.rsplit("port ", 1)[1].strip(" .\n")
                break
        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--force-device-scale-factor=1"]
        options = {"args": arguments, "prefs": {"download.default_directory": downloads}}
        answer = self.request("POST", "/session", {"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"},
            "unhandledPromptBehavior": "ignore"}}})
        self.address += "/session/" + answer["sessionId"]

    def request(self, method, path, body=None):
        encoded = None if body is None else json.dumps(body).encode()
        call = urllib.request.Request(
            self.address + path, encoded, {"Content-Type": "application/json"}, method=method)
        try:
            return json.load(urllib.request.urlopen(call, timeout=120))["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{path}: {json.load(error)['value']['message']}") from None

    def open(self, address):
        self.request("POST", "/url", {"url": address})

    def run(self, script, *arguments):
        return self.request("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def find(self, selector):
        return self.request("POST", "/element", {"using": "css selector", "value": selector})[ELEMENT]

    def click(self, selector):
        self.request("POST", f"/element/{self.find(selector)}/click", {})

    def type(self, selector, text, clears=True):
        element = self.find(selector)
        if clears:
            self.request("POST", f"/element/{element}/clear", {})
        self.request("POST", f"/element/{element}/value", {"text": text})

    def keys(self, *keys):
        """Presses keys together, as Shift and R."""
        actions = [{"type": "keyDown", "value": key} for key in keys]
        actions += [{"type": "keyUp", "value": key} for key in reversed(keys)]
        self.request("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def drag(self, *places, button=0):
        """Presses the pointer at the first place and moves it through the others."""
        actions = [{"type": "pointerMove", "duration": 0, "x": int(places[0][0]), "y": int(places[0][1])},
                   {"type": "pointerDown", "button": button}]
        actions += [{"type": "pointerMove", "duration": 20, "x": int(x), "y": int(y)} for x, y in places[1:]]
        actions.append({"type": "pointerUp", "button": button})
        self.request("POST", "/actions", {"actions": [{
            "type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": actions}]})

    def size(self, width, height):
        self.request("POST", "/goog/cdp/execute", {"cmd": "Emulation.setDeviceMetricsOverride", "params": {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}})

    def screenshot(self, path):
        time.sleep(0.3)
        with open(path, "wb") as file:
            file.write(base64.b64decode(self.request("GET", "/screenshot")))

    def wait(self, script, what, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.run(f"return {script}"):
                return
            time.sleep(0.05)
        raise AssertionError(f"{what}: {self.run('return document.getElementById(`status`).textContent')}")

    def complaints(self):
        return [entry["message"] for entry in self.request("POST", "/se/log", {"type": "browser"})
                if entry["level"] == "SEVERE"]

    def close(self):
        try:
            self.request("DELETE", "")
        finally:
            self.driver.terminate()
            self.driver.wait()


class Page:
    """The page, with a folder of pictures, downloads and what the commands make."""

    def __init__(self, program, folder, images):
        self.program, self.folder, self.images = program, folder, images
        self.downloads = os.path.join(folder, "downloads")
        os.mkdir(self.downloads)
        self.shared = os.path.join(folder, "shared")
        os.mkdir(self.shared)
        for name in ["astronaut.png", "mountains.png"]:
            shutil.copy(os.path.join(FIXTURES, "noisy", name), self.shared)
        port = next(port for port in range(8760, 8999) if is_free(port))
        self.server = subprocess.Popen(
            [program, "serve", "--port", str(port), self.shared], stdout=subprocess.PIPE, text=True)
        self.address = self.server.stdout.readline().strip()
        self.browser = Browser(self.downloads)

    def start(self):
        self.browser.size(1400, 900)
        self.browser.open("about:blank")
        self.browser.open(self.address)
        self.browser.wait("!document.getElementById('browse').hidden", "the server's description")

    def choose(self, path, selector="#open"):
        self.browser.type(selector, path, clears=False)

    def opened(self, name):
        self.browser.wait(
            f"document.getElementById('name').textContent.startsWith({json.dumps(name)})"
            " && document.getElementById('empty').hidden && !document.getElementById('status').textContent", name)

    def run(self):
        self.browser.run("document.getElementById('status').textContent = ''")
        self.browser.click("#run")
        self.done()

    def done(self):
        self.browser.wait("document.getElementById('status').textContent.startsWith('Done')", "the result")

    def task(self, name):
        self.browser.click(f"[data-task={name}]")

    def at(self, x, y):
        """Where a pixel of the picture is in the window."""
        return self.browser.run(
            """const bounds = document.getElementById('view').getBoundingClientRect();
            const [w, h] = document.getElementById('name').textContent.match(/(\\d+)×(\\d+)/).slice(1).map(Number);
            const scale = Math.min(bounds.width / w, bounds.height / h);
            return [bounds.left + (bounds.width - w * scale) / 2 + (arguments[0] + .5) * scale,
              bounds.top + (bounds.height - h * scale) / 2 + (arguments[1] + .5) * scale];""", x, y)

    def download(self, button="#download"):
        before = set(os.listdir(self.downloads))
        self.browser.click(button)
        end = time.monotonic() + 20
        while time.monotonic() < end:
            new = [name for name in set(os.listdir(self.downloads)) - before if not name.endswith(".crdownload")
                   and not name.startswith(".")]
            if new:
                return os.path.join(self.downloads, new[0])
            time.sleep(0.05)
        raise AssertionError("nothing was downloaded")

    def compare(self, downloaded, task, picture, *options):
        output = os.path.join(self.folder, "command" + os.path.splitext(downloaded)[1])
        subprocess.run(
            [self.program, task, picture, output, "--overwrite", "--quiet", *options], check=True)
        with open(output, "rb") as expected, open(downloaded, "rb") as found:
            assert expected.read() == found.read(), f"{task}: the download is not the command's output"
        print(f"page: {os.path.basename(downloaded)} is the output of {task} {' '.join(options)}")

    def picture(self, name):
        if self.images:
            self.browser.screenshot(os.path.join(self.images, name))

    def close(self):
        self.browser.close()
        if self.server.poll() is None:
            self.server.terminate()
        self.server.wait(10)


def is_free(port):
    import socket
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def write_png(path, width, height):
    """A gray picture of noise, large enough that there is time to cancel."""
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = b"".join(b"\0" + random.Random(y).randbytes(width) for y in range(height))
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
                   + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b""))


def denoise(page):
    browser = page.browser
    noisy = os.path.join(FIXTURES, "noisy", "mountains.png")
    page.choose(noisy)
    page.opened("mountains.png")
    browser.type("#denoise-sigma", "25")
    browser.run("document.activeElement.blur()")
    browser.keys("\ue008", "R")
    page.done()
    page.compare(page.download(), "denoise", noisy, "--sigma", "25")
    # The divider, with the mouse and with keys.
    place = browser.run("const b = document.getElementById('divider').getBoundingClientRect();"
                        "return [b.left + b.width / 2, b.top + b.height / 2]")
    browser.drag(place, [place[0] - 150, place[1]], [place[0] - 300, place[1]])
    moved = int(browser.run("return document.getElementById('divider').getAttribute('aria-valuenow')"))
    assert 15 <= moved <= 35, f"the divider is at {moved} %"
    browser.run("document.getElementById('divider').focus()")
    for key in ["\ue011", "\ue010", "\ue012"]:  # Home, End, left
        browser.keys(key)
    assert browser.run("return document.getElementById('divider').getAttribute('aria-valuenow')") == "99"
    browser.run("const d = document.getElementById('divider'); for (let i = 0; i < 49; i++)"
                " d.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowLeft', bubbles: true}))")
    page.picture("serve-denoise.png")
    # In the other format.
    browser.run("document.querySelector('details').open = true")
    browser.run("document.getElementById('shared-format').value = 'jpg'")
    page.run()
    page.compare(page.download(), "denoise", noisy, "--sigma", "25", "--format", "jpg")
    browser.run("document.getElementById('shared-format').value = ''")


def colorize(page):
    browser = page.browser
    gray = os.path.join(FIXTURES, "images", "cameraman.png")
    page.choose(gray)
    page.opened("cameraman.png")
    page.task("colorize")
    browser.run("document.getElementById('color').value = '#3060c0'")
    browser.drag(page.at(60, 40))
    browser.run("document.getElementById('color').value = '#c03020'")
    browser.drag(page.at(100, 100))
    browser.drag(page.at(150, 150))
    browser.keys("\ue009", "z")
    browser.run("const s = document.getElementById('colorize-saturation'); s.value = 1.5")
    page.run()
    page.compare(
        page.download(), "colorize", gray, "--hint", "60,40,#3060c0", "--hint", "100,100,#c03020", "--saturation", "1.5")
    page.picture("serve-colorize.png")
    browser.type("#colorize-samples", "3")
    page.run()
    assert browser.run("return document.querySelectorAll('#answers img').length") == 3
    browser.click("#answers button:nth-child(2)")
    path = page.download()
    assert path.endswith("cameraman_colorized-2.png"), path


def inpaint(page):
    browser = page.browser
    photo = os.path.join(FIXTURES, "images", "astronaut.png")
    page.choose(photo)
    page.opened("astronaut.png")
    page.task("inpaint")
    browser.drag(page.at(60, 60), page.at(100, 80), page.at(140, 60))
    browser.drag(page.at(200, 200), page.at(240, 210))
    browser.keys("\ue009", "z")
    browser.keys("\ue009", "\ue008", "z")
    for key in "[[[]":
        browser.keys(key)
    browser.keys("e")
    assert browser.run("return document.getElementById('eraser').getAttribute('aria-pressed')") == "true"
    browser.drag(page.at(235, 205), page.at(245, 215))
    page.picture("serve-inpaint.png")
    mask = page.download("#save-mask")
    page.run()
    page.compare(page.download(), "inpaint", photo, "--mask", mask)
    # The saved mask, loaded again, gives the same.
    browser.click("#tools-inpaint [data-act=clear]")
    page.choose(mask, "#mask")
    browser.run("document.getElementById('inpaint-method').value = 'harmonic'")
    time.sleep(0.5)
    page.run()
    page.compare(page.download(), "inpaint", photo, "--mask", mask, "--method", "harmonic")


def folder(page):
    browser = page.browser
    page.task("denoise")
    browser.click("#browse")
    browser.wait("document.querySelectorAll('#folder-list button').length == 2", "the folder")
    browser.click("#folder-list li:nth-child(1) button")
    page.opened("astronaut.png")
    browser.keys("n")
    page.opened("mountains.png")
    browser.keys("p")
    page.opened("astronaut.png")
    browser.run("window.prompt = () => 'saved.png'")
    browser.type("#denoise-sigma", "20")
    page.run()
    browser.click("#save")
    browser.wait("document.getElementById('status').textContent.startsWith('Saved')", "saving")
    page.compare(
        os.path.join(page.shared, "saved.png"), "denoise", os.path.join(page.shared, "astronaut.png"), "--sigma", "20")


def phone(page):
    browser = page.browser
    browser.size(400, 860)
    browser.wait("document.documentElement.scrollWidth <= 400", "the page is wider than a phone", 5)
    browser.click("#fit")
    page.picture("serve-phone.png")
    browser.size(1400, 900)


def cancel_and_stop(page):
    browser = page.browser
    large = os.path.join(page.folder, "large.png")
    write_png(large, 3000, 2000)
    page.choose(large)
    page.opened("large.png")
    browser.run("document.getElementById('denoise-effort').value = 'best'")
    browser.click("#run")
    browser.wait("document.getElementById('status').textContent.includes('%')", "progress")
    browser.keys("\ue00c")
    browser.wait("document.getElementById('status').textContent === 'Cancelled.'", "cancelling", 5)
    browser.run("window.confirm = () => true")
    browser.click("#stop")
    page.server.wait(10)
    assert page.server.returncode == 0


def main():
    program = os.path.abspath(sys.argv[1])
    images = sys.argv[3] if sys.argv[2:3] == ["--images"] else None
    missing = [name for name in ["chromium", "chromedriver"] if not shutil.which(name)]
    if missing:
        print(f"page: SKIPPED, because {' and '.join(missing)} cannot be found (Debian: chromium, chromium-driver)")
        return
    with tempfile.TemporaryDirectory() as place:
        page = Page(program, place, images)
        try:
            page.start()
            for part in [denoise, colorize, inpaint, folder, phone]:
                part(page)
            # Before the server ends, whose silence the browser would log, too.
            complaints = page.browser.complaints()
            assert not complaints, complaints
            cancel_and_stop(page)
        except BaseException:
            page.browser.screenshot(os.path.join(tempfile.gettempdir(), "restore-page.png"))
            raise
        finally:
            page.close()
    print("page: passed")


main()
