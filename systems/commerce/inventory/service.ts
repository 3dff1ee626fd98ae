import * as contracts from "./contracts.ts";
import { getReservation, getStock, listStock } from "./get-stock.ts";
import {
  abandonReservation,
  expireReservation,
  openReservation,
  partReported,
  releaseOfRejected,
  reserveForOrder,
} from "./move-reservation.ts";
import { releasePart, reservePart } from "./move-stock.ts";
import { putStock } from "./put-stock.ts";
import { reserveStock } from "./reserve-stock.ts";
import { assemble } from "./scope.ts";
import { tellOperator } from "./tell-operator.ts";

export const inventory = assemble(contracts, {
  routes: {
    ListStock: listStock,
    GetStock: getStock,
    PutStock: putStock,
    ReserveStock: reserveStock,
    OpenReservation: openReservation,
    AbandonReservation: abandonReservation,
    GetReservation: getReservation,
  },
  consumers: [reserveForOrder, releaseOfRejected],
  jobs: [reservePart, releasePart, partReported, expireReservation, tellOperator],
});
