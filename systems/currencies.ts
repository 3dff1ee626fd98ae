/**
 * ISO 4217 List One of 2026-01-01 by the decimals of the minor unit: currencies and funds. Codes without a minor unit (metals, XDR, XXX, XTS …) are left
 * out: nothing is priced in them. Intl is no source, as it follows CLDR, where LAK and RSD have other decimals than in ISO 4217.
 * https://www.six-group.com/en/products-services/financial-information/data-standards.html
 */
const byDecimals: Readonly<Record<number, string>> = {
  0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
  2: `AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK
      DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD
      LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR
      SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG`,
  3: "BHD IQD JOD KWD LYD OMR TND",
  4: "CLF UYW",
};

const decimals: ReadonlyMap<string, number> = new Map(
  Object.entries(byDecimals).flatMap(([count, codes]) =>
    codes.split(/\s+/).map((code) => [code, Number(count)] as const),
  ),
);

/** Codes of the currencies that a price may be in, sorted. */
export const currencies: readonly string[] = [...decimals.keys()].toSorted();

/** How many decimals of a currency its minor unit stands for; 2 for one that is not in use, or not any more. */
export const decimalsOf = (currency: string): number => decimals.get(currency) ?? 2;
