// Brings in a listing, shows the server a competitor's offer, prints the price it answers.
import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const includeDirs = [fileURLToPath(new URL("../proto", import.meta.url))];
const loaded = loadSync("repriced/v1/pricing.proto", { includeDirs, keepCase: true });
const { CatalogService, PricingService } = grpc.loadPackageDefinition(loaded).repriced.v1;
const call = (Service, method, request) => {
  const target = process.env.REPRICED_TARGET ?? "127.0.0.1:50051";
  const client = new Service(target, grpc.credentials.createInsecure());
  return promisify(client[method]).call(client, { request_id: randomUUID(), ...request });
};

const key = { seller_id: "A1SHOP", marketplace_id: "A1PA6795UKMFR9", sku: "MUG-JS" };
const mug = { key, currency: "EUR", floor_minor: 900, ceiling_minor: 1500 };
await call(CatalogService, "BatchUpsertListings", { listings: [mug] });

const rival = { seller_id: "A2RIVAL", item_price_minor: 1299, buy_box_winner: true };
const seen = { key, event_ms: Date.now(), currency: "EUR", offers: [rival] };
const answer = await call(PricingService, "Reprice", { snapshots: [seen] });
for (const { price_minor } of answer.decisions)
  console.log(`MUG-JS now costs ${price_minor} cents`);
