/** Where simple-peer finds WebRTC's classes, which no browser prefixes any more. */

module.exports = () => (typeof RTCPeerConnection === 'undefined' ? null : globalThis);
