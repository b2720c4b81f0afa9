"""The kinds of faulty fields, and of remarks about accepted figures, with their texts in Vietnamese and English."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from shared.contracts.words import Bilingual, Language
from shared.text import shown


def _b(vi: str, en: str) -> Bilingual:
    return Bilingual(vi=vi, en=en)


class Faults(Enum):
    """Every kind of faulty field. Texts take the value found and the fault's own details; each says what to do."""

    MISSING = _b("Thiếu trường bắt buộc. Hãy bổ sung.", "A required field is missing. Add it.")
    UNKNOWN_FIELD = _b("Trường không có trong quy định. Hãy bỏ đi.", "There is no such field. Remove it.")
    WRONG_TYPE = _b(
        "Giá trị {value} sai kiểu dữ liệu ({expected}). Hãy sửa lại.",
        "The value {value} has the wrong type ({expected}). Correct it.",
    )
    BAD_PERIOD = _b(
        "{value} không phải là kỳ báo cáo. Viết 2023, 2023-H1, 2023-Q2, 2023-06 hoặc 2023-06-30.",
        "{value} is not a period. Write 2023, 2023-H1, 2023-Q2, 2023-06 or 2023-06-30.",
    )
    FUTURE_PERIOD = _b(
        "Chưa đến lúc báo cáo {value} (hôm nay là {today}). Hãy gửi từ ngày {opens}.",
        "The figures of {value} cannot be known yet (today is {today}). Send them from {opens} on.",
    )
    UNKNOWN_UNIT = _b(
        "Không có đơn vị nào mang mã {value}. Xem danh mục mã đơn vị hành chính.",
        "No unit has the code {value}. See the list of unit codes.",
    )
    UNIT_NOT_VALID = _b(
        "Trong kỳ {period} không có đơn vị nào mang mã {value} ({held}). {advice}",
        "No unit has the code {value} in {period} ({held}). {advice}",
    )
    NOT_COUNTED_HERE = _b(
        "Chỉ tiêu {element} không tổng hợp ở {value}. Hãy gửi cho cấp: {expected}.",
        "Element {element} is not counted in {value}. Send it for a unit that is: {expected}.",
    )
    UNKNOWN_ELEMENT = _b(
        "Không có chỉ tiêu {value}. Xem GET /v1/catalogue.",
        "There is no element {value}. See GET /v1/catalogue.",
    )
    WRONG_GRANULARITY = _b(
        "Chỉ tiêu {element} không báo cáo theo {value}. Dùng kỳ: {expected}.",
        "Element {element} is not reported by the {value}. Use: {expected}.",
    )
    NOT_A_NUMBER = _b("{value} không phải là số hữu hạn. Hãy sửa lại.", "{value} is not a finite number. Correct it.")
    NOT_WHOLE = _b("{value} phải là số nguyên. Hãy sửa lại.", "{value} has to be a whole number. Correct it.")
    NOT_YES_NO = _b("{value} phải là true hoặc false.", "{value} has to be true or false.")
    TOO_SMALL = _b(
        "{value} nhỏ hơn mức tối thiểu {expected}. Kiểm tra lại số liệu.",
        "{value} is below the minimum {expected}. Check the figure.",
    )
    TOO_GREAT = _b(
        "{value} lớn hơn mức tối đa {expected}. Kiểm tra lại số liệu.",
        "{value} is above the maximum {expected}. Check the figure.",
    )
    SUM_DISAGREES = _b(
        "{parts} = {value} không khớp với {whole} = {expected}. {reason} Kiểm tra lại các số liệu này.",
        "{parts} = {value} does not agree with {whole} = {expected}. {reason} Check these figures.",
    )
    UNKNOWN_CRITERION = _b(
        "Không có tiêu chí {value}. Xem GET /v1/catalogue.",
        "There is no criterion {value}. See GET /v1/catalogue.",
    )
    SUPERSEDED = _b(
        "Đã có số liệu mới hơn ({value}). Hãy xét số liệu đó.",
        "Newer figures stand ({value}). Review those.",
    )
    STANDING_DISAGREES = _b(
        "{parts} = {value} không khớp với {whole} = {expected}. {reason} Số liệu đã có của {period}: {standing}. "
        "Kiểm tra lại, và gửi cùng nhau những số liệu cần sửa.",
        "{parts} = {value} does not agree with {whole} = {expected}. {reason} What stands for {period} already: "
        "{standing}. Check these figures, and send those to be corrected together.",
    )
    UNIT_BY_NAME = _b(
        "Cần mã đơn vị, không phải tên ({value}). Hãy chọn mã: {candidates}.",
        "The unit's code is needed, not its name ({value}). Choose the code: {candidates}.",
    )
    REVISION_TAKEN = _b(
        "{element}: đã có số liệu {standing} ở bước {stage}, lần {revision}, do {agency} gửi; số liệu gửi đến là "
        '{value}. Nếu cần sửa, hãy gửi lại với "revision": {next}.',
        "{element}: {standing} stands already at stage {stage}, revision {revision}, sent by {agency}; what came is "
        '{value}. To correct it, send "revision": {next}.',
    )
    NEEDS_CONFIRMATION = _b(
        "{element} đổi từ {previous} ({previous_period}) thành {value}, nhiều hơn mức thường thấy ({limit}). Nếu đúng, "
        'hãy gửi lại kèm xác nhận ("confirmed": true); nếu không, hãy sửa.',
        "{element} goes from {previous} ({previous_period}) to {value}, further than is plausible ({limit}). If it is "
        'right, send it again confirmed ("confirmed": true); if not, correct it.',
    )
    OUTSIDE_UNITS = _b(
        "Khóa này không được gửi số liệu cho đơn vị {value}. Dùng khóa của đơn vị phụ trách.",
        "This key may not report for unit {value}. Use the key of the office in charge.",
    )
    OUTSIDE_CRITERIA = _b(
        "Khóa này không được gửi chỉ tiêu {element} (thuộc {expected}). Dùng khóa của ngành phụ trách.",
        "This key may not report element {element} (of {expected}). Use the key of the sector in charge.",
    )
    OUTSIDE_STAGE = _b(
        "Khóa này không được gửi số liệu ở bước {value}. Dùng khóa phụ trách cả {expected}.",
        "This key may not report at stage {value}. Use a key for the whole of {expected}.",
    )
    EMPTY = _b("Danh sách trống. Gửi ít nhất một mục.", "The list is empty. Send at least one item.")
    TOO_LONG = _b("Dài quá {expected}. Hãy rút ngắn hoặc chia nhỏ.", "Longer than {expected}. Shorten or split it.")
    BAD_PARAMETER = _b("Giá trị {value} không dùng được: {expected}.", "The value {value} cannot be used: {expected}.")

    # of contacts
    UNKNOWN_ROLE = _b(
        "Kế hoạch không có vai trò {value}. Dùng một trong: {expected}.",
        "The plan has no role {value}. Use one of: {expected}.",
    )
    NO_SUCH_ROLE_HERE = _b(
        "Đơn vị {value} không có vai trò {role}. Ghi: {expected}.",
        "The unit {value} has no role {role}. Write: {expected}.",
    )
    BAD_EMAIL = _b(
        "{value} không phải địa chỉ e-mail. Viết ten@example.vn.",
        "{value} is no e-mail address. Write name@example.vn.",
    )
    BAD_PHONE = _b(
        "{value} không phải số điện thoại. Viết 0912345678 hoặc +84912345678.",
        "{value} is no phone number. Write 0912345678 or +84912345678.",
    )
    BAD_SERVICE = _b(
        "Địa chỉ dịch vụ ({value}) không dùng được. Viết theo dạng URL của Apprise, ví dụ tgram://token/chat.",
        "The address of the service ({value}) cannot be used. Write an Apprise URL, such as tgram://token/chat.",
    )
    REPEATED_CONTACT = _b(
        "{value} ({role}) đã có ở trên. Hãy bỏ một dòng.", "{value} ({role}) stands above already. Remove one of them."
    )
    NO_CONTACT_COLUMNS = _b(
        "Không tìm thấy dòng tiêu đề: cần các cột vai trò, đơn vị và tên.",
        "No header row was found: columns for role, unit and name are needed.",
    )
    BAD_TIMES = _b(
        "Thời điểm kết thúc ({value}) phải sau thời điểm bắt đầu và sau hiện tại.",
        "The end ({value}) has to be after the beginning and in the future.",
    )
    BAD_ENDPOINT = _b(
        "Không thể gửi tới {value}. Dùng địa chỉ https:// công khai.",
        "{value} cannot be sent to. Use a public https:// address.",
    )

    # of workbooks and CSV files
    EMPTY_FILE = _b(
        "Tệp trống. Hãy gửi tệp .xlsx hoặc .csv đã điền.", "The file is empty. Send the filled .xlsx or .csv."
    )
    NOT_A_WORKBOOK = _b(
        "Đây không phải tệp Excel .xlsx hay CSV ({value}). Hãy mở bằng Excel rồi lưu lại dạng .xlsx.",
        "This is neither an .xlsx workbook nor a CSV file ({value}). Open it in Excel and save it as .xlsx.",
    )
    OLD_WORKBOOK = _b(
        "Đây là tệp Excel kiểu cũ (.xls). Hãy mở bằng Excel rồi lưu lại dạng .xlsx.",
        "This is an old Excel file (.xls). Open it in Excel and save it as .xlsx.",
    )
    ENCRYPTED_WORKBOOK = _b(
        "Tệp có mật khẩu mở. Hãy bỏ mật khẩu rồi gửi lại.",
        "The workbook is locked with a password. Remove the password and send it again.",
    )
    DAMAGED_WORKBOOK = _b(
        "Tệp bị hỏng hoặc không đúng định dạng ({value}). Hãy mở bằng Excel rồi lưu lại dạng .xlsx.",
        "The workbook is damaged or malformed ({value}). Open it in Excel and save it as .xlsx.",
    )
    HAS_MACROS = _b(
        "Tệp có macro ({value}). Hãy lưu lại dạng .xlsx không có macro.",
        "The workbook has macros ({value}). Save it as .xlsx without macros.",
    )
    HAS_LINKS = _b(
        "Tệp có liên kết tới tệp hoặc nguồn dữ liệu khác ({value}). Hãy bỏ các liên kết (Data, Edit Links).",
        "The workbook links to other files or data sources ({value}). Break the links (Data, Edit Links).",
    )
    HAS_OBJECTS = _b(
        "Tệp có đối tượng nhúng ({value}). Hãy xóa các đối tượng đó.",
        "The workbook has embedded objects ({value}). Remove them.",
    )
    UNPACKS_TOO_LARGE = _b(
        "Tệp quá lớn khi giải nén ({value}, tối đa {expected}). Hãy xóa các dòng, cột thừa.",
        "The workbook is too large unpacked ({value}, at most {expected}). Delete what is not needed.",
    )
    BAD_ENCODING = _b(
        'Không đọc được chữ trong tệp CSV. Hãy lưu lại dạng "CSV UTF-8".',
        'The text of the CSV file cannot be read. Save it as "CSV UTF-8".',
    )
    TOO_MANY_ROWS = _b(
        "Quá nhiều dòng (tối đa {expected}). Hãy xóa các dòng thừa phía dưới, hoặc chia thành nhiều tệp.",
        "Too many rows (at most {expected}). Delete the unused rows below, or split the file.",
    )
    TOO_MANY_COLUMNS = _b(
        "Quá nhiều cột (tối đa {expected}). Hãy xóa các cột thừa.",
        "Too many columns (at most {expected}). Delete the unused ones.",
    )
    NO_HEADER = _b(
        "Không tìm thấy dòng tiêu đề: cần cột mã đơn vị (hoặc tên xã và huyện) và ít nhất một cột chỉ tiêu.",
        "No header row was found: a column of unit codes (or names and districts) and one of an element are needed.",
    )
    NO_ROWS = _b(
        "Chưa có số liệu nào được điền. Hãy điền ít nhất một ô.",
        "No figure is filled in. Fill in at least one cell.",
    )
    UNKNOWN_COLUMN = _b(
        'Không có chỉ tiêu nào tên "{value}". Hãy sửa tên cột, hoặc đặt dấu # trước tên nếu chỉ là ghi chú.',
        'No element is called "{value}". Correct the column\'s name, or put # before it if it is only a remark.',
    )
    REPEATED_COLUMN = _b(
        'Cột "{value}" đã có ở ô {expected}. Hãy bỏ một cột.',
        'The column "{value}" stands in {expected} already. Remove one of them.',
    )
    REPEATED_ROW = _b(
        "Đơn vị {value} đã có ở ô {expected} cho cùng kỳ. Hãy bỏ một dòng.",
        "Unit {value} stands in {expected} already for the same period. Remove one of the rows.",
    )
    FORMULA_IN_CELL = _b(
        "Ô này là công thức. Hãy thay bằng giá trị (sao chép rồi dán giá trị).",
        "The cell holds a formula. Put its value there instead (copy, then paste values).",
    )
    AMBIGUOUS_NUMBER = _b(
        '"{value}" có thể là {first} hoặc số thập phân {second}. Hãy viết không có dấu phân cách hàng nghìn.',
        '"{value}" can mean {first} or the decimal {second}. Write it without separators of thousands.',
    )
    NOT_A_FIGURE = _b(
        '"{value}" không phải là số. Hãy ghi số, ví dụ 1204 hoặc 12,5; ô trống nghĩa là chưa báo cáo.',
        '"{value}" is not a number. Write one, such as 1204 or 12.5; a blank cell means not reported.',
    )
    A_DATE_IN_CELL = _b(
        "Excel đã đổi ô này thành ngày ({value}). Hãy đặt định dạng ô là Số rồi nhập lại.",
        "Excel made a date of this cell ({value}). Format the cell as a number and enter it again.",
    )
    YES_OR_NO = _b('"{value}" không hợp lệ. Hãy ghi Có hoặc Không.', '"{value}" is neither Có (yes) nor Không (no).')
    UNKNOWN_UNIT_NAME = _b(
        'Không có đơn vị nào tên "{value}". Hãy ghi mã đơn vị, ví dụ 06280.',
        'No unit is called "{value}". Write its code, such as 06280.',
    )
    AMBIGUOUS_UNIT = _b(
        'Có nhiều đơn vị tên "{value}": {expected}. Hãy ghi mã đơn vị.',
        'Several units are called "{value}": {expected}. Write the unit\'s code.',
    )
    UNIT_DISAGREES = _b(
        'Mã {value} là của {expected}, không phải "{name}". Hãy kiểm tra lại dòng này.',
        'The code {value} belongs to {expected}, not to "{name}". Check this row.',
    )
    PERIOD_NOT_READ = _b(
        '"{value}" không phải là kỳ báo cáo. Hãy viết 6/2023, quý II/2023, 6 tháng đầu năm 2023 hoặc năm 2023.',
        '"{value}" is not a period. Write 6/2023, Q2 2023, H1 2023 or 2023.',
    )
    NO_PERIOD = _b(
        'Chưa rõ kỳ báo cáo. Hãy thêm cột "Kỳ", hoặc chọn kỳ khi gửi.',
        'The period is not known. Add a column "period", or name it when you send the file.',
    )
    STANDS_ALREADY = _b(
        "{element}: đã có số liệu {standing} (bước {stage}, lần {revision}, do {agency} gửi); trong tệp là {value}. "
        "Nếu cần sửa số đã gửi, hãy gửi lại và chọn “sửa số liệu đã gửi” (correct=true).",
        "{element}: {standing} stands already (stage {stage}, revision {revision}, sent by {agency}); the file has "
        "{value}. To correct what was sent, send the file again with “correct” chosen (correct=true).",
    )
    ANOTHER_THAN_NAMED = _b(
        "Biểu mẫu này lập cho {value}, không phải {expected}. Hãy gửi đúng biểu mẫu.",
        "This workbook was made for {value}, not for {expected}. Send the right one.",
    )

    @property
    def code(self) -> str:
        """The stable word for programs."""
        return self.name.lower()


class Warnings(Enum):
    """Every kind of remark about figures that were accepted. It stays with them; nothing has to be done."""

    OUTRANKED = _b(
        "Đang có hiệu lực là số liệu {standing} (bước {stage}, lần {revision}, do {agency} gửi); số liệu này được lưu "
        "vào lịch sử.",
        "The figure {standing} stands (stage {stage}, revision {revision}, sent by {agency}); this one is kept as "
        "history.",
    )
    IMPLAUSIBLE_CHANGE = _b(
        "{element} đổi từ {previous} ({previous_period}) thành {value}, nhiều hơn mức thường thấy ({limit}); nơi gửi "
        "đã xác nhận.",
        "{element} goes from {previous} ({previous_period}) to {value}, further than is plausible ({limit}); its "
        "sender has confirmed it.",
    )
    OFFICIAL_STANDS = _b(
        "Số liệu chính thức của {period} là {official}; số liệu này không thay thế số liệu đó.",
        "The official figure of {period} is {official}; this one does not replace it.",
    )

    @property
    def code(self) -> str:
        """The stable word for programs."""
        return self.name.lower()

    def text(self, **details: object) -> Bilingual:
        """What is remarkable, in both languages."""
        return Bilingual(vi=filled(self.value, details, "vi"), en=filled(self.value, details, "en"))


def filled(template: Bilingual, details: Mapping[str, object], language: Language) -> str:
    """The text with its details, as the language writes them."""
    words = {name: shown(value, language) for name, value in details.items()}
    return template.in_(language).format(**words)
