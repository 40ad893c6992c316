/**
 * What a terminal answers by itself, told apart from what a person types. While old output is drawn again such
 * answers are kept back: the program that asked has had its answer long ago. The counterpart, with the forms
 * explained, is `supervisor/core/terminalanswers.py`; xterm.js gives each answer in one piece, so none is cut here.
 */

const CSI = String.raw`\x1b\[(?:[IO]|[?>=][0-9;:]*[ -/]*[@-~]|[0-9;]+(?:[cnRtx]|\$y))`;
const STRING = String.raw`\x1b(?:P[>!0-9]|\][0-9lL]|_G)[^\x07\x1b]*(?:\x07|\x1b\\)`;
const ANSWERS = new RegExp(`^(?:${CSI}|${STRING})+$`);

export function isAnswer(data: string): boolean {
  return data.charCodeAt(0) === 0x1b && ANSWERS.test(data);
}
