/** Gives an error a `code`; DOMException has one on its prototype, which cannot be assigned to. */

module.exports = (error, code) =>
  Object.defineProperty(error, 'code', { value: code, enumerable: true, configurable: true });
