"""Every field of the External API, as one table.

Names are those of the current dialect (v4 to v6). ``since`` and ``until`` name the first and the last of the five published
specifications that list the field: 3.38, 4.28, 5.6, 5.9, 6.0. ``v3`` is the name on a 3.x wire where it differs. What else
a specification says of a field is asked by version: :meth:`Field.listed_in`, :meth:`Field.type_in`, :meth:`Field.words_in`.

Source: the vendor's ``external_api.json`` of those versions; ``observed`` marks what only a public capture of v5.3 shows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

__all__ = [
    "CAMERA_INFO",
    "CAMERA_SELECTION",
    "ENVELOPE",
    "FIELDS",
    "NODE_INFO",
    "OPTIONS_INFO",
    "PHOTO_INFO",
    "PHOTO_SELECTION",
    "PROPERTY_INFO",
    "VERSIONS",
    "Field",
    "within",
]

#: The published specifications, oldest first.
VERSIONS = ("3.38", "4.28", "5.6", "5.9", "6.0")

LIMITS = {
    "int32": (-(2**31), 2**31 - 1),
    "uint32": (0, 2**32 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint64": (0, 2**64 - 1),
}


class Field(NamedTuple):
    """One field of the wire.

    Attributes
    ----------
    name : str
        The name in the current dialect.
    type : str
        ``boolean``, ``string``, ``string[]``, ``int32``, ``uint32``, ``int64``, ``uint64``, ``float``, ``data`` (base64
        text on the wire), ``object`` or ``object[]``.
    since, until : str
        First and last specification that lists it.
    v3 : str
        Its name on a 3.x wire; empty: the same.
    v3_type : str
        Its type in 3.38; empty: the same.
    choices : tuple of str
        The words that any specification allows; empty: any text.
    dated : tuple of (str, str, str)
        Words that not all of them allow: the word, the first and the last specification that does.
    low, high : int or None
        The range that the specification gives; None: that of the type.
    observed : bool
        Seen in a public capture of v5.3 only; no specification lists it, or none types it.
    internal : bool
        Marked internal by the specification.
    loose : bool
        The specification says string, real payloads hold an integer: both are accepted, integers are sent.
    """

    name: str
    type: str
    since: str = "3.38"
    until: str = "6.0"
    v3: str = ""
    v3_type: str = ""
    choices: tuple[str, ...] = ()
    dated: tuple[tuple[str, str, str], ...] = ()
    low: int | None = None
    high: int | None = None
    observed: bool = False
    internal: bool = False
    loose: bool = False

    def listed_in(self, version: str) -> bool:
        """Whether a specification, one of ``VERSIONS``, has this field."""
        return within(version, self.since, self.until)

    def type_in(self, version: str) -> str:
        """Return the type that a specification gives it."""
        return self.v3_type if self.v3_type and version == VERSIONS[0] else self.type

    def words_in(self, version: str) -> tuple[str, ...]:
        """Return the words that a specification allows; empty: any text."""
        absent = {word for word, since, until in self.dated if not within(version, since, until)}
        return tuple(word for word in self.choices if word not in absent)

    def problem(self, value: Any, version: str = "") -> str:
        """Say what is wrong with a value, or nothing.

        Parameters
        ----------
        value : object
            A decoded JSON value.
        version : str
            The specification to hold it against. Empty: today's types, and the words of any of them.

        Returns
        -------
        str
            Empty if the value is one this field can have.
        """
        kind = self.type_in(version)
        if kind in LIMITS:
            if self.loose and isinstance(value, str) and value.strip().lstrip("-").isdigit() and len(value) < 12:
                value = int(value)
            return self._number_problem(value, kind)
        if kind in {"string", "data"}:
            return self._text_problem(value, self.words_in(version) if version else self.choices)
        fits, what = _FITS[kind]
        return "" if fits(value) else f"{self.name} must be {what}, not {value!r:.80}"

    def spelling(self, value: Any) -> Any:
        """Spell a word as the table does, whatever its case; anything else comes back as it is."""
        if self.choices and isinstance(value, str):
            for choice in self.choices:
                if choice.casefold() == value.casefold():
                    return choice
        return value

    def _number_problem(self, value: Any, kind: str) -> str:
        lowest, highest = LIMITS[kind]
        low = lowest if self.low is None else self.low
        high = highest if self.high is None else self.high
        fine = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
        return "" if fine else f"{self.name} must be a whole number from {low} to {high}, not {value!r:.80}"

    def _text_problem(self, value: Any, words: tuple[str, ...]) -> str:
        if not isinstance(value, str):
            return f"{self.name} must be a text, not {value!r:.80}"
        # The vendor's own script sends "half" where the specification says "Half": words are compared without case.
        if words and value.casefold() not in {word.casefold() for word in words}:
            return f"{self.name} must be one of {', '.join(words)}, not {value!r:.80}"
        return ""


def within(version: str, since: str, until: str) -> bool:
    """Whether a specification lies between two others, both included; all three are of ``VERSIONS``."""
    return VERSIONS.index(since) <= VERSIONS.index(version) <= VERSIONS.index(until)


def _list_of(value: Any, kind: type) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(one, kind) for one in value)


#: How a value of the remaining types is told, and what it has to be in words.
_FITS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "boolean": (lambda value: isinstance(value, bool), "true or false"),
    "float": (lambda value: isinstance(value, int | float) and not isinstance(value, bool), "a number"),
    "string[]": (lambda value: _list_of(value, str), "a list of texts"),
    "object": (lambda value: isinstance(value, dict), "an object"),
    "object[]": (lambda value: _list_of(value, dict), "a list of objects"),
}

_STEPS = ("Near1", "Near2", "Near3", "Far1", "Far2", "Far3")
_FOCUS = ("Not set", "AF Single", "AF Continuous", "AF Auto", "MF")
_ORIENTATIONS = (
    "None",
    "Rotate270",
    "Rotate180",
    "Rotate90",
    "FlipY",
    "InverseTranspose",
    "FlipX",
    "Transpose",
    "Unknown",
)
_PROPERTIES = (
    *(
        "Aperture",
        "ShutterSpeed",
        "ISO",
        "Exposure",
        "Quality",
        "ProgramMode",
        "MeteringMode",
        "FocusMode",
        "DriveMode",
    ),
    *("WhiteBalance", "ColourTemperature", "Storage", "MirrorLockup", "PixelShiftMode", "ControlMode"),
)

_LATER_PROPERTIES = (
    ("ColourTemperature", "4.28", "6.0"),
    ("PixelShiftMode", "5.6", "6.0"),
    ("ControlMode", "5.6", "6.0"),
)
_LOCATIONS = ("Orphaned", "Deleted", "Hidden", "Camera", "Local Disk")
_STORAGES = ("Disk", "Card", "Both", "JPEG")

_TABLE = (
    # envelope (section 2 of the specification)
    Field("msg_type", "string", choices=("Request", "Response", "Event")),
    Field("msg_id", "string"),
    Field("msg_seq_num", "uint32", v3="msg_ref_num", v3_type="int32"),
    Field("msg_result", "boolean", v3="Result"),
    Field("msg_user_id", "uint32", "4.28"),
    # selections
    Field("CameraSelection", "string", choices=("All", "Single", "Group", "Multiple")),
    Field("CameraKey", "string"),
    Field("CameraKeys", "string[]"),
    Field("CameraGroup", "string"),
    Field("PhotoSelection", "string", choices=("All", "Single", "Multiple")),
    Field("PhotoKey", "string"),
    Field("PhotoKeys", "string[]"),
    # cameras
    Field("CameraStatus", "string", choices=("Absent", "Lost", "Disconnected", "Ready", "Busy", "Error")),
    Field("CameraName", "string"),
    Field("CameraTriggerIndex", "int32", "4.28", low=0, high=100, loose=True),
    Field("CameraSerialNumber", "string"),
    Field("CameraMake", "string"),
    Field("CameraModel", "string"),
    Field("CameraNumCards", "int32"),
    Field("CameraDateTimeOffset", "int64"),
    Field("CameraAutofocusIsSupported", "boolean"),
    Field("CameraIsFocused", "boolean"),
    Field("CameraLiveviewIsSupported", "boolean"),
    Field("CameraLiveviewZoomIsSupported", "boolean"),
    Field("CameraLiveviewDOFIsSupported", "boolean"),
    Field("CameraLiveviewFocusIsSupported", "boolean", "4.28"),
    Field("CameraLiveviewIsEnabled", "boolean"),
    Field("CameraLiveviewZoomIsEnabled", "boolean"),
    Field("CameraLiveviewDOFIsEnabled", "boolean"),
    Field("CameraLiveviewNumFrames", "uint32", "4.28"),
    Field("CameraLiveviewSensorWidth", "int32"),
    Field("CameraLiveviewSensorHeight", "int32"),
    Field("CameraLiveviewSensorRegionLeft", "float"),
    Field("CameraLiveviewSensorRegionBottom", "float"),
    Field("CameraLiveviewSensorRegionRight", "float"),
    Field("CameraLiveviewSensorRegionTop", "float"),
    Field("CameraLiveviewAFRegionLeft", "float", "4.28"),
    Field("CameraLiveviewAFRegionBottom", "float", "4.28"),
    Field("CameraLiveviewAFRegionRight", "float", "4.28"),
    Field("CameraLiveviewAFRegionTop", "float", "4.28"),
    Field("CameraLiveviewFPS", "int32", low=0),
    Field("CameraLiveviewVideoFPS", "int32", low=0),
    Field("CameraLiveviewFocusStep", "string", v3="CameraLiveviewFocus", choices=_STEPS),
    Field("CameraLiveviewPositionX", "int32", observed=True),  # named, never typed
    Field("CameraLiveviewPositionY", "int32", observed=True),
    Field("CameraLiveviewImage", "data"),  # internal before 5.6, like the message that carries it
    Field("CameraVideoIsSupported", "boolean"),
    Field("CameraVideoIsEnabled", "boolean"),
    Field("CameraVideoElapsedTime", "int64", "4.28"),
    Field("CameraBulbIsSupported", "boolean"),
    Field("CameraBulbIsEnabled", "boolean"),
    Field("CameraMirrorLockupIsSupported", "boolean"),  # typed, but a member of no object
    Field("CameraMirrorLockupIsEnabled", "boolean"),
    Field("CameraPowersource", "string", choices=("AC", "Battery", "Unknown")),
    Field("CameraBatterylevel", "int32", low=0, high=100),
    Field("CameraDownloadRate", "float"),
    Field("CameraNumPhotosTaken", "int32"),
    Field("CameraNumPhotosFailed", "int32"),
    Field("CameraNumDownloadsComplete", "int32"),
    Field("CameraNumDownloadsFailed", "int32"),
    Field("CameraNumAutofocus", "int32"),
    Field("CameraPowerZoomPosition", "int32", "4.28", low=0, high=100),
    Field("CameraPowerZoomTarget", "int32", "4.28", low=-1, high=100),
    Field("CameraPowerZoomDirection", "string", "4.28", choices=("Tele1", "Tele2", "Tele3", "Wide1", "Wide2", "Wide3")),
    Field("CameraShutterButton", "string", choices=("Off", "Half", "Full")),
    Field("CameraLatchIndex", "int32", "4.28", low=0, high=100),
    Field("CameraTriggerInterval", "int32", "4.28", low=0),
    Field("CameraMetadataTimestamp", "int64", "5.6", observed=True),
    Field("CameraOrientation", "string", "5.6", observed=True),
    Field("CameraPhotosPerCapture", "int32", "5.6", observed=True),
    # properties of cameras
    Field("CameraPropertyInfo", "object[]", v3="PropertyInfoMsg"),
    Field("CameraPropertyType", "string", choices=_PROPERTIES, dated=_LATER_PROPERTIES),
    Field("CameraPropertyValue", "string"),
    Field("CameraPropertyIsWriteable", "boolean"),
    Field("CameraPropertyRange", "string[]"),
    Field("CameraPropertyStep", "int32", "4.28"),
    # photos
    Field("PhotoLocation", "string", choices=_LOCATIONS, dated=(("Hidden", "3.38", "3.38"),)),
    Field("PhotoUUID", "string"),
    Field("PhotoName", "string", "4.28"),
    Field("PhotoFilename", "string", "5.6"),
    Field("PhotoOriginalName", "string"),
    Field("PhotoComputedName", "string"),
    Field("PhotoDateCaptured", "string"),
    Field("PhotoOrigin", "string", "4.28"),
    Field("PhotoFormat", "string", choices=("JPEG", "PNG", "Raw", "TGA", "TIFF", "Unknown")),
    Field("PhotoOrientation", "string", "4.28", choices=_ORIENTATIONS),
    Field("PhotoWidth", "int32"),
    Field("PhotoHeight", "int32"),
    Field("PhotoAperture", "string", "4.28"),
    Field("PhotoShutterSpeed", "string", "4.28"),
    Field("PhotoISO", "string", "4.28"),
    Field("PhotoFocalLength", "string", "4.28"),
    Field("PhotoFilesize", "uint64"),
    Field("PhotoIsImage", "boolean"),
    Field("PhotoIsHidden", "boolean", "4.28"),
    Field("PhotoIsScanned", "boolean"),
    Field("PhotoHash", "string"),
    Field("PhotoBarcode", "string"),
    Field("PhotoSequenceNum", "int32", v3="GridSequenceNum"),
    Field("PhotoBatchNum", "int32", v3="GridBatchNum"),
    Field("PhotoSessionNum", "int32", "4.28"),
    Field("PhotoSessionName", "string", "4.28"),
    Field("PhotoOriginalPath", "string", "5.6", observed=True),
    Field("PhotoStorageID", "int64", "5.6", observed=True),
    Field("PhotoPersistentID", "string", "5.6", observed=True),
    Field("PhotoBarcodeFormat", "string", "5.6", observed=True),
    Field("PhotoBarcodeLocationLeft", "float", "5.6", observed=True),
    Field("PhotoBarcodeLocationTop", "float", "5.6", observed=True),
    Field("PhotoBarcodeLocationRight", "float", "5.6", observed=True),
    Field("PhotoBarcodeLocationBottom", "float", "5.6", observed=True),
    # options
    Field("FilenameExpression", "string", v3="GridFilenameExpression"),
    Field("UniqueTag", "string", v3="GridUniqueTag"),
    Field("Barcode", "string", v3="GridBarcode"),
    Field("DefaultStorage", "string", v3="GridDefaultStorage", choices=_STORAGES, dated=(("JPEG", "3.38", "3.38"),)),
    Field("DefaultControlMode", "string", "5.6", choices=("Camera", "App", "Both")),
    Field("DefaultFocusMode", "string", v3="GridDefaultFocusMode", choices=_FOCUS),
    Field("DefaultLiveviewFPS", "int32", "4.28", low=0),
    Field("DefaultVideoFPS", "int32", "4.28", low=0),
    Field("AutoConnect", "boolean", v3="GridAutoConnect"),
    Field("AutoSynchroniseTime", "boolean", v3="GridAutoSynchroniseTime"),
    Field("AutoScanBarcode", "boolean", "4.28"),
    Field("FilterBarcodeScanning", "boolean", "4.28", observed=True),
    Field("BarcodeCameraFilter", "string", "4.28", observed=True),
    Field("ResetSequenceNumOnEdit", "boolean", "4.28", observed=True),
    Field("ResetBatchNumOnEdit", "boolean", "4.28", observed=True),
    Field("DownloadPath", "string", v3="GridPhotoPath"),
    Field("FallbackPath", "string", "4.28"),
    Field("AllowSpacesInFilename", "boolean", "5.9"),
    Field("AutoBackup", "boolean", "5.6", observed=True),
    Field("OverwriteBackup", "boolean", "5.6", observed=True),
    Field("AddBarcodeToMetadata", "boolean", "5.6", observed=True),
    Field("RestrictBarcodeFormat", "boolean", "5.6", observed=True),
    Field("BackupPath", "string", "5.6", observed=True),
    Field("ApplicationName", "string", "5.6", observed=True),
    Field("GridFilenameValidation", "string", until="3.38", internal=True),
    Field("GridGenerateFilename", "boolean", until="3.38"),
    Field("GridScanSequenceNum", "boolean", until="3.38"),
    Field("GridScanBatchNum", "boolean", until="3.38"),
    Field("GridLiveviewDatalimit", "int32", until="3.38"),
    # the rest of the requests
    Field("Enable", "boolean"),
    Field("BulbTimer", "int64", "4.28", low=0),
    Field("DeleteFiles", "boolean", "4.28"),
    Field("ActivationCode", "string", "4.28"),
    Field("CustomText", "string"),
    # containers of a Synchronise or GetCamera reply
    Field("OptionsInfo", "object", v3="SetOptionsMsg"),
    Field("NodeInfo", "object[]", v3="NodeUpdatedEventMsg", v3_type="object"),
    Field("LicenseMsg", "object", until="3.38", internal=True),
    Field("CameraInfo", "object[]", v3="CameraUpdatedMsg"),
    Field("PhotoInfo", "object[]", v3="PhotoUpdatedMsg"),
    # one per camera; 3.x's only properties
    Field("PropertyUpdated", "object[]", until="3.38", v3="PropertyUpdatedMsg"),
    # nodes
    Field("NodeKey", "string", internal=True),
    Field("NodeKeys", "string[]", "4.28", internal=True),
    Field("NodeSelection", "string", "4.28", internal=True),
    Field("NodeName", "string", internal=True),
    Field("NodeVersion", "string", internal=True),
    Field("NodePlatform", "string", "4.28", internal=True),
    Field("NodeEndpoint", "string", internal=True),
    Field("NodeIsMaster", "boolean", internal=True),
    Field("NodeIsLiveviewConsumer", "boolean", internal=True),
    Field("NodeSyncLocal", "boolean", internal=True),
    Field("NodeSyncVersion", "uint32", v3_type="int32", internal=True),
    Field("NodeTransferMode", "float", internal=True),
    Field("NodeNetworkMode", "string", "5.6", observed=True),
    Field("NodeTimeout", "int64", "5.6", observed=True),
    Field("NodeDateTime", "int64", "5.6", observed=True),
    Field("NodeUpTime", "int64", "5.6", observed=True),
    Field("NodeDiskSpace", "int64", "5.6", observed=True),
    Field("NodeMemoryUsage", "int64", "5.6", observed=True),
    # between nodes; a client has no business there
    Field("License", "string", internal=True),
    Field("NetworkAddress", "string", internal=True),
    Field("NetworkEndpoint", "string", internal=True),
    Field("NetworkPort", "int32", internal=True),
    Field("NetworkTimestamp", "uint64", internal=True),
    Field("NetworkVersion", "string", internal=True),
    Field("TransferData", "data", internal=True),
    Field("TransferOffset", "uint32", internal=True),
    Field("TransferSize", "uint32", internal=True),
)

#: Every field by its current name.
FIELDS: dict[str, Field] = {field.name: field for field in _TABLE}

ENVELOPE = ("msg_type", "msg_id", "msg_seq_num", "msg_user_id", "msg_result")
CAMERA_SELECTION = ("CameraSelection", "CameraKey", "CameraKeys", "CameraGroup")
PHOTO_SELECTION = ("PhotoSelection", "PhotoKey", "PhotoKeys")
PROPERTY_INFO = ("CameraPropertyType", "CameraPropertyValue", "CameraPropertyIsWriteable", "CameraPropertyRange")
NODE_INFO = (
    *(
        "NodeSelection",
        "NodeKey",
        "NodeEndpoint",
        "NodeNetworkMode",
        "NodeName",
        "NodeVersion",
        "NodeIsLiveviewConsumer",
    ),
    *("NodeDateTime", "NodeUpTime", "NodePlatform", "NodeDiskSpace", "NodeMemoryUsage"),
)

#: The members of CameraInfo and of the CameraUpdated event, in the order of the specification.
CAMERA_INFO = (
    *CAMERA_SELECTION,
    *("CameraStatus", "CameraName", "CameraTriggerIndex", "CameraSerialNumber", "CameraMake", "CameraModel"),
    *("CameraNumCards", "PhotoBatchNum", "CameraDateTimeOffset", "CameraAutofocusIsSupported", "CameraIsFocused"),
    *("CameraLiveviewIsSupported", "CameraLiveviewZoomIsSupported", "CameraLiveviewDOFIsSupported"),
    *("CameraLiveviewFocusIsSupported", "CameraLiveviewIsEnabled", "CameraLiveviewZoomIsEnabled"),
    *(
        "CameraLiveviewDOFIsEnabled",
        "CameraLiveviewNumFrames",
        "CameraLiveviewSensorWidth",
        "CameraLiveviewSensorHeight",
    ),
    *("CameraLiveviewSensorRegionLeft", "CameraLiveviewSensorRegionBottom", "CameraLiveviewSensorRegionRight"),
    *("CameraLiveviewSensorRegionTop", "CameraLiveviewAFRegionLeft", "CameraLiveviewAFRegionBottom"),
    *("CameraLiveviewAFRegionRight", "CameraLiveviewAFRegionTop", "CameraVideoIsSupported", "CameraVideoIsEnabled"),
    *(
        "CameraVideoElapsedTime",
        "CameraBulbIsSupported",
        "CameraBulbIsEnabled",
        "CameraPowersource",
        "CameraBatterylevel",
    ),
    *("CameraDownloadRate", "CameraNumPhotosTaken", "CameraNumPhotosFailed", "CameraNumDownloadsComplete"),
    *("CameraNumDownloadsFailed", "CameraNumAutofocus", "CameraPowerZoomPosition", "CameraPowerZoomTarget"),
    *("CameraPropertyInfo", "NodeKey"),
)

#: The members of PhotoInfo and of the PhotoUpdated event.
PHOTO_INFO = (
    *PHOTO_SELECTION,
    *("PhotoLocation", "PhotoUUID", "PhotoName", "PhotoFilename", "PhotoOriginalName", "PhotoComputedName"),
    *(
        "PhotoDateCaptured",
        "PhotoOrigin",
        "PhotoFormat",
        "PhotoOrientation",
        "PhotoWidth",
        "PhotoHeight",
        "PhotoAperture",
    ),
    *("PhotoShutterSpeed", "PhotoISO", "PhotoFocalLength", "PhotoFilesize", "PhotoIsImage", "PhotoIsHidden"),
    *("PhotoIsScanned", "PhotoHash", "PhotoBarcode", "PhotoSequenceNum", "PhotoBatchNum", "PhotoSessionNum"),
    *("PhotoSessionName", "CameraKey", "NodeKey"),
)

#: The members of OptionsInfo, of the OptionsUpdated event and of the SetOptions request.
OPTIONS_INFO = (
    *("FilenameExpression", "PhotoSessionName", "PhotoSessionNum", "UniqueTag", "Barcode", "DefaultStorage"),
    *("DefaultControlMode", "DefaultFocusMode", "DefaultLiveviewFPS", "DefaultVideoFPS", "AutoConnect"),
    *(
        "AutoSynchroniseTime",
        "AutoScanBarcode",
        "FilterBarcodeScanning",
        "BarcodeCameraFilter",
        "ResetSequenceNumOnEdit",
    ),
    *("ResetBatchNumOnEdit", "DownloadPath", "FallbackPath", "AllowSpacesInFilename", "GridFilenameValidation"),
    *("GridGenerateFilename", "GridScanSequenceNum", "GridScanBatchNum", "GridLiveviewDatalimit"),
)
