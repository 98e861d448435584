// The Lambda Runtime API's loop as AWS documents it for custom runtimes; AWS's own package needs a C++ compiler.

import { Agent, request } from 'node:http';

import { handler } from './handler.mjs';

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':');
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

function call(method, path, body) {
    return new Promise((resolve, reject) => {
        const headers = body === undefined ? {} : { 'Content-Length': Buffer.byteLength(body) };
        const options = { host, port, method, path: `/2018-06-01/runtime/invocation/${path}`, headers, agent };
        const sent = request(options, (response) => {
            const chunks = [];
            response.on('data', (chunk) => chunks.push(chunk));
            response.on('end', () => resolve({ headers: response.headers, body: Buffer.concat(chunks) }));
        });
        sent.on('error', reject);
        sent.end(body);
    });
}

for (;;) {
    const { headers, body } = await call('GET', 'next');
    const answer = JSON.stringify(await handler(JSON.parse(body)));
    await call('POST', `${headers['lambda-runtime-aws-request-id']}/response`, answer);
}
