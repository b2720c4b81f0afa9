// The words of a page: Vietnamese first, English by a switch that is remembered. Each page adds its own.

let chosen = document.documentElement.lang;
export const language = () => chosen;
export const locale = () => (chosen === "vi" ? "vi-VN" : "en-GB");

export function setLanguage(wanted) {
  chosen = wanted;
  document.cookie = `ntm_language=${wanted}; path=/; max-age=31536000; samesite=lax`; // the server draws by it
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
  pages: ["Các trang", "Pages"],
  page_scoring: ["Bảng theo dõi", "Board"],
  page_intake: ["Số liệu", "Figures"],
  page_notify: ["Cảnh báo", "Alerts"],
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
  change_password: ["Đổi mật khẩu", "Change password"],
  sign_out: ["Đăng xuất", "Sign out"],
};
