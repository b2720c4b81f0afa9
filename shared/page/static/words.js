// The words of a page: Vietnamese first, English by a switch that is remembered. Each page adds its own.

const LANGUAGE = "ntm-language";

let chosen = localStorage.getItem(LANGUAGE) === "en" ? "en" : "vi";
export const language = () => chosen;
export const locale = () => (chosen === "vi" ? "vi-VN" : "en-GB");

export function setLanguage(wanted) {
  chosen = wanted;
  localStorage.setItem(LANGUAGE, wanted);
}

/** Adds a page's own words: name -> [Vietnamese, English]. */
export const addWords = (own) => Object.assign(WORDS, own);

/** The words of this name, with `{0}`, `{1}` filled in (numbers as the language writes them). */
export function t(name, ...details) {
  const words = WORDS[name]?.[chosen === "vi" ? 0 : 1];
  if (words === undefined) throw new Error(`no words called ${name}`);
  return words.replace(/\{(\d)\}/g, (_, at) => details[at]);
}

const WORDS = {
  province: ["Tỉnh {0}", "{0} province"],
  skip: ["Đến nội dung chính", "Skip to the content"],
  parts: ["Các phần", "Parts of the page"],
  sample: ["DỮ LIỆU MẪU: không phải số liệu thật.", "SAMPLE DATA: these are not real figures."],
  loading: ["Đang tải…", "Loading…"],
  close: ["Đóng", "Close"],
  more: ["Xem thêm", "Show more"],
  details: ["Chi tiết", "Details"],
  all_rows: ["Xem tất cả {0} dòng", "Show all {0} rows"],
  again: ["Thử lại", "Try again"],
  omitted: ["… và {0} lỗi khác.", "… and {0} more faults."],
  retry_after: ["Hãy thử lại sau {0} giây.", "Try again in {0} seconds."],
  network_title: ["Không kết nối được với máy chủ", "The server cannot be reached"],
  network_detail: ["Kiểm tra đường truyền rồi thử lại. Gửi lại là an toàn: số liệu không bị ghi hai lần.", "Check the connection, then try again. Sending again is safe: nothing is recorded twice."],
  failed_title: ["Hệ thống có lỗi", "The system failed"],
  failed_detail: ["Hãy thử lại sau ít phút. Nếu vẫn lỗi, hãy báo Văn phòng Điều phối.", "Try again in a few minutes. If it goes on, tell the coordination office."],
  yes: ["Có", "Yes"],
  no: ["Không", "No"],
  sign_in_title: ["Đăng nhập", "Sign in"],
  sign_in_about: ["Dùng khóa truy cập mà Văn phòng Điều phối nông thôn mới tỉnh đã cấp cho cơ quan.", "Use the access key that the provincial coordination office issued to your office."],
  key: ["Khóa truy cập", "Access key"],
  key_hint: ["Bắt đầu bằng ntm_. Khóa chỉ được giữ trong thẻ trình duyệt này, đến khi đóng thẻ hoặc đăng xuất.", "It begins with ntm_. It is kept in this browser tab alone, until you close it or sign out."],
  key_show: ["Hiện khóa", "Show the key"],
  key_malformed: ["Khóa có ký tự không hợp lệ. Hãy sao chép lại khóa đã được cấp.", "The key has letters that no key has. Copy it again as it was issued."],
  sign_in: ["Đăng nhập", "Sign in"],
  sign_out: ["Đăng xuất", "Sign out"],
  signed_out_hint: ["Hãy nhập lại khóa. Nếu khóa đã hết hạn hoặc bị thu hồi, hãy xin khóa mới ở Văn phòng Điều phối. Số liệu đã có biên nhận vẫn được giữ.", "Enter the key again. If it has expired or was revoked, ask the coordination office for a new one. What has a receipt is kept."],
};
