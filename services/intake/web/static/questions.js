// What intake asks rather than refuses: its sender answers, nothing has to be changed.

export const CORRECTION = "stands_already";
const CONFIRMATIONS = ["needs_confirmation", "zero_needs_confirmation"];
const ANSWERED = ["implausible_change", "zero_confirmed"];

export const isConfirmation = ({ code }) => CONFIRMATIONS.includes(code);
export const isQuestion = (fault) => fault.code === CORRECTION || isConfirmation(fault);

/** Whether a warning says again what its sender has confirmed. */
export const isAnswered = ({ code }) => ANSWERED.includes(code);
