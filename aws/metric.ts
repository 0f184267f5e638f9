/** CloudWatch's embedded metric format: a line of a function's log that is counted, without a right or a call (CloudWatch user guide, "Embedded metric format"). */

/** @param outcome the one dimension beside the stack's name @param facts what a person who reads the line wants to know */
export function counted(
  stack: string,
  metric: string,
  outcome: string,
  facts: Record<string, string | undefined>,
  now: number,
): string {
  const metrics = [
    { Namespace: 'sealpost', Dimensions: [['stack', 'outcome']], Metrics: [{ Name: metric, Unit: 'Count' }] },
  ];
  return JSON.stringify({
    _aws: { Timestamp: now, CloudWatchMetrics: metrics },
    stack,
    outcome,
    [metric]: 1,
    ...facts,
  });
}
