/** Those that the education sketch names. */
export const ports = { registrations: 8001, payments: 8002, courses: 8003, notifications: 8004 };
