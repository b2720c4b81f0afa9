// Numbers as people write them: `1.204`, `1,204`, `1 204`, `12,5`. The rules of `services/intake/workbook/numbers.py`.

const MARKS = [",", "."]; // before the decimals
const FORMS = Object.fromEntries(MARKS.map((mark) => {
  const [group, decimal] = mark === "," ? ["\\.", ","] : [",", "\\."];
  return [mark, new RegExp(`^-?(?:\\d+|[1-9]\\d{0,2}(?:${group}\\d{3})+|[1-9]\\d{0,2}(?: \\d{3})+)(?:${decimal}\\d+)?$`)];
}));

/** The number that a text means by each decimal mark; empty where it is none. */
function meanings(text) {
  const written = text.trim().replace(/\s+/g, " ");
  const read = (mark) => Number(written.replaceAll(mark === "," ? "." : ",", "").replaceAll(" ", "").replace(",", "."));
  return Object.fromEntries(MARKS.filter((mark) => FORMS[mark].test(written)).map((mark) => [mark, read(mark)]));
}

/**
 * Reads a column of texts: null for a blank one, else `{value}`, `{either: [a, b]}` where it can mean two numbers and
 * the column does not tell which, or `{}` where it is no number. `whole`: the column takes whole numbers only.
 */
export function readNumbers(texts, whole) {
  const all = texts.map((text) => (text.trim() ? meanings(text) : null));
  const fits = (mark) => all.every((found) => !found || !Object.keys(found).length || (mark in found && (!whole || Number.isInteger(found[mark]))));
  const fitting = MARKS.filter(fits);
  return all.map((found) => {
    if (!found) return null;
    const either = [...new Set(Object.values(found))];
    if (either.length === 2) return fitting.length === 1 ? { value: found[fitting[0]] } : { either };
    return either.length ? { value: either[0] } : {};
  });
}

/** A number in figures that mean it alone, whichever mark a reader expects. */
export function plainNumber(value) {
  const written = String(value).replace(".", ",");
  return /^-?[1-9]\d{0,2},\d{3}$/.test(written) ? `${written}0` : written;
}
