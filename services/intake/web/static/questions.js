// What intake asks rather than refuses: its sender answers, nothing has to be changed.

export const CORRECTION = "stands_already";
const CONFIRMATIONS = ["needs_confirmation", "zero_needs_confirmation"];

export const isConfirmation = ({ code }) => CONFIRMATIONS.includes(code);
export const isQuestion = (fault) => fault.code === CORRECTION || isConfirmation(fault);
