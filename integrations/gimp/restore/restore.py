#!/usr/bin/env python3
"""Denoise, colorize and inpaint layers with the program restore: a plug-in for GIMP 3."""

import os
import subprocess
import sys
import tempfile

import gi

gi.require_version("Gimp", "3.0")
from gi.repository import Gimp, Gio, GLib  # noqa: E402

# Procedure: command, menu label, what it does.
PROCEDURES = {
    "restore-denoise": ("denoise", "_Denoise (restore)", "Removes the noise of the layer"),
    "restore-colorize": ("colorize", "_Colorize (restore)", "Gives the gray layer likely colors"),
    "restore-inpaint": ("inpaint", "_Inpaint selection (restore)", "Fills what is selected from its surroundings"),
}


class Failure(Exception):
    pass


def save(drawable: Gimp.Drawable, like: Gimp.Image, base: Gimp.ImageBaseType, path: str) -> None:
    """Writes a layer, or the selection, as a picture of the whole canvas; 16 bits per channel if the image has them."""
    copy = Gimp.Image.new_with_precision(like.get_width(), like.get_height(), base, like.get_precision())
    try:
        profile = like.get_color_profile()
        if profile and base == like.get_base_type():
            copy.set_color_profile(profile)
        layer = Gimp.Layer.new_from_drawable(drawable, copy)
        copy.insert_layer(layer, None, 0)
        _, x, y = drawable.get_offsets()
        layer.set_offsets(x, y)
        layer.set_visible(True)
        layer.set_opacity(100)
        layer.resize_to_image_size()
        if not Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, copy, Gio.File.new_for_path(path), None):
            raise Failure(f"{path}: cannot be written")
    finally:
        copy.delete()


def run_program(command: str, source: str, result: str, mask: str | None) -> None:
    program = os.environ.get("RESTORE_PROGRAM", "restore")
    arguments = [program, command, "--quiet", "--progress", "none", "-i", source, "-o", result]
    if mask:
        arguments += ["--mask", mask]
    try:
        process = subprocess.run(arguments, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise Failure(f"{program}: not found; install restore, or name it in RESTORE_PROGRAM") from None
    if process.returncode != 0:
        raise Failure(process.stderr.strip() or f"restore ended with code {process.returncode}")


def restored(command: str, image: Gimp.Image, layer: Gimp.Layer) -> Gimp.Layer:
    """A new layer above the given one."""
    with tempfile.TemporaryDirectory(prefix="gimp-restore-") as folder:
        source, result, mask = (os.path.join(folder, name) for name in ("in.png", "out.png", "mask.png"))
        save(layer, image, image.get_base_type(), source)
        if command == "inpaint":
            if Gimp.Selection.is_empty(image):
                raise Failure("nothing is selected: select what is to be filled")
            save(image.get_selection(), image, Gimp.ImageBaseType.GRAY, mask)
        if command == "colorize" and image.get_base_type() == Gimp.ImageBaseType.GRAY:
            image.convert_rgb()
        run_program(command, source, result, mask if command == "inpaint" else None)
        new = Gimp.file_load_layer(Gimp.RunMode.NONINTERACTIVE, image, Gio.File.new_for_path(result))
    new.set_name(f"{layer.get_name()} ({command})")
    image.insert_layer(new, layer.get_parent(), image.get_item_position(layer))
    return new


class Restore(Gimp.PlugIn):
    def do_query_procedures(self):
        return list(PROCEDURES)

    def do_set_i18n(self, name):
        return False

    def do_create_procedure(self, name):
        _, label, purpose = PROCEDURES[name]
        procedure = Gimp.ImageProcedure.new(self, name, Gimp.PDBProcType.PLUGIN, self.run, None)
        procedure.set_image_types("RGB*, GRAY*")
        procedure.set_sensitivity_mask(Gimp.ProcedureSensitivityMask.DRAWABLE)
        procedure.set_menu_label(label)
        procedure.add_menu_path("<Image>/Filters/Enhance")
        procedure.set_documentation(purpose, f"{purpose}, as a new layer, by the program restore.", name)
        procedure.set_attribution("the contributors to restore", "Apache-2.0", "2026")
        return procedure

    def run(self, procedure, mode, image, drawables, config, data):
        command = PROCEDURES[procedure.get_name()][0]
        if len(drawables) != 1 or not isinstance(drawables[0], Gimp.Layer):
            return self.failed(procedure, "choose one layer")
        Gimp.progress_init(f"restore {command}")
        image.undo_group_start()
        try:
            restored(command, image, drawables[0])
        except (Failure, GLib.Error, OSError) as error:
            return self.failed(procedure, getattr(error, "message", None) or str(error))
        finally:
            image.undo_group_end()
        Gimp.displays_flush()
        return procedure.new_return_values(Gimp.PDBStatusType.SUCCESS, GLib.Error())

    def failed(self, procedure, message):
        error = GLib.Error.new_literal(Gimp.PlugIn.error_quark(), f"restore: {message}", 0)
        return procedure.new_return_values(Gimp.PDBStatusType.EXECUTION_ERROR, error)


Gimp.main(Restore.__gtype__, sys.argv)
