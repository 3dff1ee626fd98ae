import * as contracts from "./contracts.ts";
import { deliver } from "./deliver.ts";
import { getNotification } from "./get-notification.ts";
import { listMail } from "./list-mail.ts";
import { getPreferences, putPreferences } from "./preferences.ts";
import { assemble } from "./scope.ts";
import { notify, orderTellers, tellFact, tellLowStock, watchShelf } from "./tell.ts";

export const notifications = assemble(contracts, {
  routes: {
    Notify: notify,
    ListMail: listMail,
    GetNotification: getNotification,
    GetPreferences: getPreferences,
    PutPreferences: putPreferences,
  },
  consumers: [...orderTellers, tellLowStock, watchShelf],
  jobs: [tellFact, deliver],
});
