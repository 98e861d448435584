// The handler in the shape of AWS's blueprint "kinesis-firehose-process-record": each record's data from base64, JSON in,
// JSON out, and back to base64.

export const handler = async (event) => {
    const records = event.records.map((record) => {
        const recordId = record.recordId;
        let row;
        try {
            const frame = JSON.parse(Buffer.from(record.data, 'base64').toString('utf8'));
            row = transform(frame.data, iso(record.approximateArrivalTimestamp));
        } catch {
            return { recordId, result: 'ProcessingFailed', data: record.data };
        }
        if (row === null) {
            return { recordId, result: 'Dropped', data: '' };
        }
        const data = Buffer.from(JSON.stringify(row) + '\n').toString('base64');
        const date = (row.event_time ?? row.arrival_time).slice(0, 10);
        return { recordId, result: 'Ok', data, metadata: { partitionKeys: { kind: row.kind, date } } };
    });
    return { records };
};

// The row of a frame; null for what is left out on purpose.
function transform(data, arrival) {
    if (data.e === 'kline' && !data.k.x) {
        return null;
    }
    const [kind, read, identity] = STREAMS[data.e ?? 'bookTicker'];
    const row = { kind, market: 'spot', symbol: data.s, id: `spot|${data.s}|${identity(data)}` };
    if (data.E !== undefined) {
        row.event_time = iso(data.E);
    }
    row.arrival_time = arrival;
    return Object.assign(row, read(data));
}

// A time in milliseconds as it stands in a row.
const iso = (millis) => new Date(millis).toISOString().replace('Z', '000Z');

const execution = (data) => {
    const [price, quantity] = [Number(data.p), Number(data.q)];
    return {
        price,
        quantity,
        quote_quantity: price * quantity,
        trade_time: iso(data.T),
        taker_side: data.m ? 'sell' : 'buy',
    };
};

const trade = (data) => ({ trade_id: data.t, ...execution(data) });

const aggTrade = (data) => ({
    agg_trade_id: data.a,
    first_trade_id: data.f,
    last_trade_id: data.l,
    ...execution(data),
});

const kline = ({ k }) => ({
    interval: k.i,
    open_time: iso(k.t),
    close_time: iso(k.T),
    open: Number(k.o),
    high: Number(k.h),
    low: Number(k.l),
    close: Number(k.c),
    base_volume: Number(k.v),
    quote_volume: Number(k.q),
    trade_count: k.n,
    taker_buy_base_volume: Number(k.V),
    taker_buy_quote_volume: Number(k.Q),
    first_trade_id: k.f,
    last_trade_id: k.L,
    is_closed: k.x,
});

const levels = (pairs) => pairs.map(([price, quantity]) => ({ price: Number(price), quantity: Number(quantity) }));

const depthUpdate = (data) => ({
    first_update_id: data.U,
    last_update_id: data.u,
    bids: levels(data.b),
    asks: levels(data.a),
});

const bookTicker = (data) => ({
    update_id: data.u,
    bid_price: Number(data.b),
    bid_quantity: Number(data.B),
    ask_price: Number(data.a),
    ask_quantity: Number(data.A),
});

// By event type: the kind, how its columns are read, and what makes its id unique. Best bid and ask have no type.
const STREAMS = {
    trade: ['trade', trade, (data) => `t|${data.t}`],
    aggTrade: ['agg_trade', aggTrade, (data) => `a|${data.a}`],
    kline: ['kline', kline, (data) => `k|${data.k.i}|${data.k.t}000`],
    depthUpdate: ['depth_update', depthUpdate, (data) => `d|${data.u}`],
    bookTicker: ['book_ticker', bookTicker, (data) => `b|${data.u}`],
};
