/** simple-peer makes a Buffer of each message, to be read as the Uint8Array that it is. */

module.exports = { Buffer: { from: (arrayBuffer) => new Uint8Array(arrayBuffer) } };
