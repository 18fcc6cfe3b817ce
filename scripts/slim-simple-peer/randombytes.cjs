/** simple-peer takes random bytes for names alone, in hex. */

module.exports = (size) => {
  const bytes = crypto.getRandomValues(new Uint8Array(size));
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return { toString: () => hex };
};
