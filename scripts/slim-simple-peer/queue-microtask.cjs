/** Every browser that this library is built for has it natively. */

module.exports = (task) => queueMicrotask(task);
