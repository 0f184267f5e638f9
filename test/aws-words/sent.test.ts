import { expect, test } from 'vitest';
import { ofTheProduct, operationsOfTheProduct, renewed } from './sent.ts';

test('the record of a run in which a test failed loses no line that is known', () => {
  const [known, sent] = [
    ['s3 GetObject', 'ssm SendCommand'],
    ['s3 GetObject', 's3 PutObject'],
  ];
  expect(renewed({ known, sent, isWhole: false })).toEqual(['s3 GetObject', 's3 PutObject', 'ssm SendCommand']);
  expect(renewed({ known, sent, isWhole: true })).toEqual(['s3 GetObject', 's3 PutObject']);
});

test('what a test sends by itself is no line of the product, and what prove sends is', () => {
  const lines = [
    'sealpost iam SimulatePrincipalPolicy',
    'sealpost s3 ListBuckets',
    '- iam SimulatePrincipalPolicy',
    'role states StartExecution',
  ];
  expect(ofTheProduct(lines)).toEqual(['iam SimulatePrincipalPolicy', 'states StartExecution']);
  expect(operationsOfTheProduct()).toContain('sts GetCallerIdentity');
});
