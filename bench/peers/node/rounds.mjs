// Answers one event as often as a line comes in, without HTTP; writes the nanoseconds that each answer took.
//
// usage: rounds.mjs EVENT

import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

import { handler } from './handler.mjs';

const payload = readFileSync(process.argv[2]);
for await (const _ of createInterface({ input: process.stdin })) {
    const start = process.hrtime.bigint();
    const answer = Buffer.from(JSON.stringify(await handler(JSON.parse(payload))));
    console.log(`${process.hrtime.bigint() - start}`);
    if (answer.length === 0) {
        throw new Error('expected an answer');
    }
}
