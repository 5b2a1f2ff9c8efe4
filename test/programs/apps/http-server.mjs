// A server with large bodies, by express, and its clients: node:http's and fetch.

import { once } from 'node:events';
import http from 'node:http';
import { pipeline } from 'node:stream/promises';
import { createGzip, gunzipSync } from 'node:zlib';
import express from 'express';
import { contents, digest, scale } from './digest.mjs';

const app = express();
app.use(express.raw({ type: 'application/octet-stream', limit: '64mb' }));
app.use(express.json({ limit: '64mb' }));
app.post('/digest', (request, response) =>
  response.json({ length: request.body.length, digest: digest(request.body) }),
);
app.post('/reversed', (request, response) => response.send(Buffer.from(request.body).reverse()));
app.post('/decoded', (request, response) => response.send(Buffer.from(request.body.data, 'base64')));
app.post('/zipped', async (request, response) => {
  await pipeline([request.body], createGzip(), response);
});
const server = app.listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address();
const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });

function postByHttp(path, body, type = 'application/octet-stream') {
  return new Promise((done, fail) => {
    const headers = { 'content-type': type, 'content-length': body.length };
    const request = http.request({ port, path, agent, method: 'POST', headers }, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part));
      response.on('end', () => done(Buffer.concat(parts)));
      response.on('error', fail);
    });
    request.on('error', fail);
    request.end(body);
  });
}

async function postByFetch(path, body, type = 'application/octet-stream') {
  const headers = { 'content-type': type };
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', body, headers });
  return new Uint8Array(await response.arrayBuffer());
}

async function exchange(i) {
  const body = contents(100_000 + 1000 * i, i);
  const post = i % 2 === 0 ? postByHttp : postByFetch;
  const json = JSON.stringify({ data: Buffer.from(body).toString('base64') });
  const [told, reversed, decoded, zipped] = await Promise.all([
    post('/digest', body),
    post('/reversed', body),
    post('/decoded', Buffer.from(json), 'application/json'),
    post('/zipped', body),
  ]);
  const parts = [reversed, decoded, gunzipSync(zipped)].map(digest);
  return [Buffer.from(told).toString(), ...parts].join(' ');
}

const answers = await Promise.all(Array.from({ length: 6 * scale }, (_, i) => exchange(i)));
answers.forEach((answer) => console.log(answer));
agent.destroy();
server.close();
server.closeAllConnections();
