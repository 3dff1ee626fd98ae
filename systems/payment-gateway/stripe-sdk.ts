/** The official SDK, an optional dependency. Throws where it is not installed; it is loaded beside whatever else starts. */
export function loadStripe() {
  try {
    import.meta.resolve("stripe");
  } catch (error) {
    throw new Error("Stripe needs the package stripe: npm install stripe", { cause: error });
  }
  const sdk = import("stripe");
  // Whoever asks first is told.
  sdk.catch(() => undefined);
  return sdk;
}
