import * as contracts from "./contracts.ts";
import { deliver } from "./deliver.ts";
import { getNotification } from "./get-notification.ts";
import { listMail } from "./list-mail.ts";
import { getPreferences, putPreferences } from "./preferences.ts";
import { assemble } from "./scope.ts";
import { learnerTellers } from "./tell-learner.ts";
import { orderTellers, tellLowStock, watchShelf } from "./tell-shop.ts";
import { notify, tellFact } from "./tell.ts";

export const notifications = assemble(contracts, {
  routes: {
    Notify: notify,
    ListMail: listMail,
    GetNotification: getNotification,
    GetPreferences: getPreferences,
    PutPreferences: putPreferences,
  },
  consumers: [...orderTellers, ...learnerTellers, tellLowStock, watchShelf],
  jobs: [tellFact, deliver],
});
