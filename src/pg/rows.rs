//! Results out of the seal: rows as json text or into the caller's tuplestore, both capped.

use super::seal::{Limits, Problem};
use pgrx::callconv::{BoxRet, FcInfo};
use pgrx::datum::Datum;
use pgrx::pgrx_sql_entity_graph::metadata::{
    ArgumentError, ReturnsError, ReturnsRef, SqlMappingRef, SqlTranslatable, TypeOrigin,
};
use pgrx::prelude::*;
use pgrx::{direct_function_call_as_datum, pg_sys, spi};
use std::collections::HashSet;
use std::ffi::c_int;
use std::marker::PhantomData;
use std::ptr;

/// A `json` value as text, returned as it is: pgrx's own `Json` sorts keys, drops duplicate
/// names and rounds numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonText(pub String);

impl IntoDatum for JsonText {
    fn into_datum(self) -> Option<pg_sys::Datum> {
        self.0.into_datum()
    }

    fn type_oid() -> pg_sys::Oid {
        pg_sys::JSONOID
    }
}

// SAFETY: a json datum is a text datum that holds json, which is what `row_to_json` wrote.
unsafe impl BoxRet for JsonText {
    unsafe fn box_into<'fcx>(self, fcinfo: &mut FcInfo<'fcx>) -> Datum<'fcx> {
        match self.into_datum() {
            // SAFETY: a datum of the function's declared type.
            Some(datum) => unsafe { fcinfo.return_raw_datum(datum) },
            None => fcinfo.return_null(),
        }
    }
}

// SAFETY: maps to PostgreSQL's own type.
unsafe impl SqlTranslatable for JsonText {
    const TYPE_IDENT: &'static str = pgrx::pgrx_resolved_type!(JsonText);
    const TYPE_ORIGIN: TypeOrigin = TypeOrigin::External;
    const ARGUMENT_SQL: Result<SqlMappingRef, ArgumentError> = Ok(SqlMappingRef::literal("json"));
    const RETURN_SQL: Result<ReturnsRef, ReturnsError> = Ok(ReturnsRef::One(SqlMappingRef::literal("json")));
}

/// Column names and types as they are written after `AS t(`: unique names, quoted where needed.
pub fn column_list(columns: &[(String, String)]) -> String {
    let mut used = HashSet::new();
    let mut list = Vec::new();
    for (position, (name, kind)) in columns.iter().enumerate() {
        let base =
            if name.is_empty() || name == "?column?" { format!("column_{}", position + 1) } else { name.clone() };
        let mut unique = base.clone();
        let mut copy = 1;
        while !used.insert(unique.clone()) {
            copy += 1;
            unique = format!("{base}_{copy}");
        }
        list.push(format!("{} {kind}", spi::quote_identifier(&unique)));
    }
    list.join(", ")
}

/// Takes rows while they are produced.
pub trait Sink {
    /// The columns that will come, and how their names and types are written.
    fn start(&mut self, columns: pg_sys::TupleDesc, written: &[(String, String)]) -> Result<(), Problem>;
    /// One row; false when no more are wanted. `values` and `nulls` are as long as the columns.
    fn row(&mut self, columns: pg_sys::TupleDesc, values: &mut [pg_sys::Datum], nulls: &mut [bool]) -> bool;
}

/// PostgreSQL's way of handing rows to a [`Sink`]. The executor gets a pointer to the first field.
#[repr(C)]
pub struct Receiver<'a> {
    head: pg_sys::DestReceiver,
    columns: pg_sys::TupleDesc,
    /// Where a row's working copies live; emptied before the next. Goes with the subtransaction.
    scratch: pg_sys::MemoryContext,
    sink: *mut (dyn Sink + 'a),
    _sink: PhantomData<&'a mut dyn Sink>,
}

impl<'a> Receiver<'a> {
    pub fn new(sink: &'a mut (dyn Sink + 'a)) -> Self {
        let head = pg_sys::DestReceiver {
            receiveSlot: Some(receive),
            rStartup: Some(startup),
            rShutdown: Some(nothing),
            rDestroy: Some(nothing),
            mydest: pg_sys::CommandDest::DestNone,
        };
        Receiver { head, columns: ptr::null_mut(), scratch: ptr::null_mut(), sink, _sink: PhantomData }
    }

    pub fn as_ptr(&mut self) -> *mut pg_sys::DestReceiver {
        (&raw mut *self).cast()
    }

    /// Says which columns will come; before the executor runs.
    pub fn start(&mut self, columns: pg_sys::TupleDesc, written: &[(String, String)]) -> Result<(), Problem> {
        self.columns = columns;
        // SAFETY: a child of the current context; the name is static.
        unsafe {
            self.scratch = pg_sys::AllocSetContextCreateInternal(
                pg_sys::CurrentMemoryContext,
                c"t2sql row".as_ptr(),
                pg_sys::ALLOCSET_DEFAULT_MINSIZE as usize,
                pg_sys::ALLOCSET_DEFAULT_INITSIZE as usize,
                pg_sys::ALLOCSET_DEFAULT_MAXSIZE as usize,
            );
            (*self.sink).start(columns, written)
        }
    }
}

unsafe extern "C-unwind" fn startup(
    _receiver: *mut pg_sys::DestReceiver,
    _operation: c_int,
    _columns: pg_sys::TupleDesc,
) {
}

unsafe extern "C-unwind" fn nothing(_receiver: *mut pg_sys::DestReceiver) {}

#[pg_guard]
unsafe extern "C-unwind" fn receive(slot: *mut pg_sys::TupleTableSlot, receiver: *mut pg_sys::DestReceiver) -> bool {
    // SAFETY: the executor passes the pointer of `as_ptr` and a slot that fits the columns.
    unsafe {
        pgrx::check_for_interrupts!();
        let receiver = &mut *receiver.cast::<Receiver>();
        pg_sys::slot_getallattrs(slot);
        pg_sys::MemoryContextReset(receiver.scratch);
        let outer = pg_sys::MemoryContextSwitchTo(receiver.scratch);
        let length = (*receiver.columns).natts as usize;
        // a row without columns has no arrays
        let (mut values, mut nulls): (&mut [pg_sys::Datum], &mut [bool]) = (&mut [], &mut []);
        if length > 0 {
            values = std::slice::from_raw_parts_mut((*slot).tts_values, length);
            nulls = std::slice::from_raw_parts_mut((*slot).tts_isnull, length);
        }
        let more = (*receiver.sink).row(receiver.columns, values, nulls);
        pg_sys::MemoryContextSwitchTo(outer);
        more
    }
}

/// Size of a row's values before they are detoasted or printed, so that a cap holds before memory is taken.
fn raw_size(columns: pg_sys::TupleDesc, values: &[pg_sys::Datum], nulls: &[bool]) -> i64 {
    let mut size = 0;
    for (i, (&value, &null)) in values.iter().zip(nulls).enumerate() {
        if !null && attribute(columns, i).attlen == -1 {
            // SAFETY: a varlena that isn't NULL.
            size += unsafe { pg_sys::toast_raw_datum_size(value) } as i64;
        }
    }
    size
}

fn attribute<'a>(columns: pg_sys::TupleDesc, position: usize) -> &'a pg_sys::FormData_pg_attribute {
    // SAFETY: `position` is below natts, and the descriptor outlives the execution.
    unsafe {
        #[cfg(not(feature = "pg18"))]
        return &(*columns).attrs.as_slice((*columns).natts as usize)[position];
        #[cfg(feature = "pg18")]
        return &*pg_sys::TupleDescAttr(columns, position as i32);
    }
}

/// Collects rows as json, stopping quietly at the caps.
pub struct JsonRows {
    rows: Vec<String>,
    max_rows: i64,
    bytes_left: i64,
    truncated: bool,
}

impl JsonRows {
    pub fn new(limits: &Limits) -> Self {
        JsonRows { rows: Vec::new(), max_rows: limits.max_rows, bytes_left: limits.max_bytes, truncated: false }
    }

    /// The rows, and whether there were more.
    pub fn finish(self) -> (Vec<String>, bool) {
        (self.rows, self.truncated)
    }
}

impl Sink for JsonRows {
    fn start(&mut self, _columns: pg_sys::TupleDesc, _written: &[(String, String)]) -> Result<(), Problem> {
        Ok(())
    }

    fn row(&mut self, columns: pg_sys::TupleDesc, values: &mut [pg_sys::Datum], nulls: &mut [bool]) -> bool {
        if self.rows.len() as i64 >= self.max_rows || raw_size(columns, values, nulls) > self.bytes_left {
            self.truncated = true;
            return false;
        }
        // SAFETY: values and nulls fit the columns, whose record type is registered.
        let json = unsafe {
            let tuple = pg_sys::heap_form_tuple(columns, values.as_mut_ptr(), nulls.as_mut_ptr());
            let row = pg_sys::heap_copy_tuple_as_datum(tuple, columns);
            let json = direct_function_call_as_datum(pg_sys::row_to_json, &[Some(row)]);
            String::from_datum(json.unwrap_or(pg_sys::Datum::null()), json.is_none())
        };
        let Some(json) = json else { return true };
        self.bytes_left -= json.len() as i64;
        if self.bytes_left < 0 {
            self.truncated = true;
            return false;
        }
        self.rows.push(json);
        true
    }
}

/// Fills the result of a function that was called with `AS t(…)`.
pub struct TypedRows {
    store: *mut pg_sys::Tuplestorestate,
    wanted: pg_sys::TupleDesc,
    rows_left: i64,
    bytes_left: i64,
    /// Which cap was hit.
    over_rows: bool,
    over_bytes: bool,
}

impl TypedRows {
    /// Prepares the caller's tuplestore, in the caller's own memory and resources.
    ///
    /// # Safety
    /// `fcinfo` is that of the running function, declared `RETURNS SETOF record`.
    pub unsafe fn begin(fcinfo: pg_sys::FunctionCallInfo) -> Result<Self, &'static str> {
        // SAFETY: the caller's promise; the executor fills `resultinfo` for set-returning calls.
        unsafe {
            let result = (*fcinfo).resultinfo.cast::<pg_sys::ReturnSetInfo>();
            if result.is_null() || (*result).type_ != pg_sys::NodeTag::T_ReturnSetInfo {
                return Err("the function returns rows, but no rows can be taken here");
            }
            let materialize = pg_sys::SetFunctionReturnMode::SFRM_Materialize as c_int;
            if (*result).allowedModes & materialize == 0 || (*result).expectedDesc.is_null() {
                return Err("the function must stand in FROM, with a list of columns");
            }
            let outer = pg_sys::MemoryContextSwitchTo((*(*result).econtext).ecxt_per_query_memory);
            let store = pg_sys::tuplestore_begin_heap(true, false, pg_sys::work_mem);
            let wanted = pg_sys::CreateTupleDescCopy((*result).expectedDesc);
            pg_sys::MemoryContextSwitchTo(outer);
            (*result).returnMode = pg_sys::SetFunctionReturnMode::SFRM_Materialize;
            (*result).setResult = store;
            (*result).setDesc = wanted;
            Ok(TypedRows { store, wanted, rows_left: 0, bytes_left: 0, over_rows: false, over_bytes: false })
        }
    }

    pub fn set_limits(&mut self, limits: &Limits) {
        (self.rows_left, self.bytes_left) = (limits.max_rows, limits.max_bytes);
    }

    /// A cap that was hit is a problem: the caller couldn't tell a shortened result from a whole one.
    pub fn finish(&self, limits: &Limits) -> Result<(), Problem> {
        if self.over_rows {
            return Err(Problem::RowCap { max_rows: limits.max_rows });
        }
        if self.over_bytes {
            return Err(Problem::ByteCap { max_bytes: limits.max_bytes });
        }
        Ok(())
    }
}

impl Sink for TypedRows {
    fn start(&mut self, columns: pg_sys::TupleDesc, written: &[(String, String)]) -> Result<(), Problem> {
        // SAFETY: both descriptors are valid.
        let (found, wanted) = unsafe { ((*columns).natts as usize, (*self.wanted).natts as usize) };
        let fits = |i: usize| {
            let (from, to) = (attribute(columns, i).atttypid, attribute(self.wanted, i).atttypid);
            // SAFETY: a catalog lookup.
            from == to || unsafe { pg_sys::IsBinaryCoercible(from, to) }
        };
        let message = if found != wanted {
            format!("the answer has {found} columns, but {wanted} were asked for")
        } else if let Some(i) = (0..found).find(|&i| !fits(i)) {
            format!("column {} of the answer is of another type than asked for", i + 1)
        } else {
            return Ok(());
        };
        Err(Problem::Columns { message, columns: written.to_vec() })
    }

    fn row(&mut self, columns: pg_sys::TupleDesc, values: &mut [pg_sys::Datum], nulls: &mut [bool]) -> bool {
        self.rows_left -= 1;
        self.bytes_left -= raw_size(columns, values, nulls);
        (self.over_rows, self.over_bytes) = (self.rows_left < 0, self.bytes_left < 0);
        if self.over_rows || self.over_bytes {
            return false;
        }
        let mut flat: Vec<pg_sys::Datum> = values.to_vec();
        for (i, value) in flat.iter_mut().enumerate() {
            if !nulls[i] && attribute(columns, i).attlen == -1 {
                // SAFETY: a varlena; the copy must not point into tables that may change before it is read.
                *value = unsafe { pg_sys::pg_detoast_datum_packed(value.cast_mut_ptr()) }.into();
            }
        }
        // SAFETY: as many values as the descriptor has columns; the store copies them into its own memory.
        unsafe { pg_sys::tuplestore_putvalues(self.store, self.wanted, flat.as_mut_ptr(), nulls.as_mut_ptr()) };
        true
    }
}
