/**
 * Which ends of an execution page a person, as an event pattern on the `detail` of `Step Functions Execution Status
 * Change`. Without CDK, so that the tests of the state machines can ask it, too.
 */
export const pagedEnds = {
  $or: [
    { status: ['TIMED_OUT', 'ABORTED'] },
    // An execution that FAILED always has an error. Of this one its sender was told on the bus …
    { status: ['FAILED'], error: [{ 'anything-but': ['InvalidStepInput'] }] },
    // … unless it still has the cause that Lambda gives, which is JSON: then it came where no sender's word is read, and is a fault of ours.
    { status: ['FAILED'], cause: [{ prefix: '{' }] },
  ],
};
